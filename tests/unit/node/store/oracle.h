// The store's contract in its plainest form: vectors of entries, searched from end to end.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/store/store.h"

namespace ferro::node::store {

class Oracle {
 public:
  struct Stored {
    model::PutOp op;
    bool live(int64_t now_ms) const { return op.expires_at_ms == 0 || now_ms < op.expires_at_ms; }
  };

  ApplyResult apply(const model::Operation& op, int64_t now_ms);

  // Removes all that has expired; returns how many.
  size_t reap(int64_t now_ms) {
    return std::erase_if(entries_, [now_ms](const Stored& entry) { return !entry.live(now_ms); });
  }

  std::vector<const Stored*> live_of(const model::NamespaceKey& ns, int64_t now_ms) const;
  size_t dimension_of(const model::NamespaceKey& ns, int64_t now_ms) const;
  const Stored* exact(const QueryRequest& request) const;
  std::vector<const Stored*> find(const std::string& id, int64_t now_ms) const;  // newest first
  size_t live_entries(int64_t now_ms) const;
  std::vector<std::string> names(int64_t now_ms) const;  // printed, in order
  const std::vector<Stored>& all() const { return entries_; }

 private:
  ApplyResult put(const model::PutOp& op, int64_t now_ms);
  template <typename Matches>
  uint64_t erase(Matches&& matches, int64_t now_ms, size_t& gone);

  std::vector<Stored> entries_;
};

bool has_all(const model::PutOp& op, const model::Attributes* wanted);
double cosine(const std::vector<float>& a, std::span<const float> b);

}  // namespace ferro::node::store
