// What a batch under way will change once it is applied: the engine decides all operations of a batch before
// it logs and applies any, so room that is planned twice, or a dimension that two puts fix differently, must
// be seen here.
//
// Writer only. Every plan ends: item by item as the operations are applied, or all at once by `clear`.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "node/model/namespace_key.h"
#include "node/model/operation.h"
#include "node/store/entry.h"
#include "node/store/store.h"

namespace ferro::node::store {

class BatchPlan {
 public:
  struct OfNamespace {
    uint64_t puts = 0;          // entries to come
    uint64_t leaving_live = 0;  // live entries that will go
    size_t dimension = 0;       // of the last put
  };

  // Bytes that the budget will count more once all is applied; negative if fewer.
  int64_t growth() const noexcept { return growth_; }
  OfNamespace of(const model::NamespaceKey& ns) const;

  // `bytes`: what the budget will count for it.
  void add_put(const model::PutOp& op, uint64_t bytes);
  // The entry will be evicted or replaced. The caller has taken it out of the recency order.
  void add_leaving(Entry& entry, uint64_t bytes, bool live);
  // The oldest planned put (of `ns` if given) must go again: the plan without it, and whom to remove.
  std::optional<EntryRef> cancel_oldest(const model::NamespaceKey* ns);
  // An earlier put of this id, if any, will be replaced by the one that is planned next.
  void cancel(const model::NamespaceKey& ns, std::string_view id);

  void applied(const model::PutOp& op);
  void died(Entry& entry);
  // Forgets everything; returns the entries that stay after all, for the recency order.
  std::vector<Entry*> clear();

 private:
  struct Put {
    model::NamespaceKey ns;
    std::string id;
    Hlc version;
    uint64_t bytes = 0;
  };
  using Puts = std::list<Put>;
  struct Leaving {
    uint64_t bytes = 0;
    bool live = false;
  };

  Puts::iterator find(const model::NamespaceKey& ns, std::string_view id);
  void erase(Puts::iterator put);
  void forget_if_done();

  Puts puts_;                                                    // in order
  std::unordered_multimap<uint64_t, Puts::iterator> put_of_id_;  // by hash of the id
  std::unordered_map<Entry*, Leaving> leaving_;
  std::unordered_map<model::NamespaceKey, OfNamespace, model::NamespaceKeyHash> of_namespace_;
  int64_t growth_ = 0;
};

}  // namespace ferro::node::store
