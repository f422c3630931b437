// Entries by id: within one namespace (replace, delete) and in all (GET and DELETE without a namespace). Both
// in constant time, however many namespaces use the same id.
//
// Thread rule: as ShardedTable. Dead entries stay until they are buried, so several entries of one namespace
// and id may stand here; at most one of them is alive.
#pragma once

#include <string_view>
#include <vector>

#include "node/store/namespace_state.h"
#include "node/store/read_view.h"
#include "node/store/sharded_table.h"

namespace ferro::node::store {

uint64_t hash_id(std::string_view id) noexcept;

class IdIndex {
 public:
  explicit IdIndex(MemoryAccount& memory) : in_namespace_(memory), anywhere_(memory) {}

  // Writer: the one that has not died, or null.
  Entry* find_alive(const NamespaceState& ns, std::string_view id) const;
  // Inside a guard: the entry of the namespace with this number, this hash of an id and this version, dead or
  // not.
  const Entry* find_version(uint64_t ns_number, uint64_t id_hash, const Hlc& version) const;
  // Inside a guard: the one that the view sees, or null.
  const Entry* find_seen(const NamespaceState& ns, std::string_view id, const ReadView& view) const;
  // Inside a guard: every entry of this id, dead or not, in no order.
  std::vector<const Entry*> find_all(std::string_view id) const;

  void link(Entry& entry);
  void unlink(Entry& entry);

 private:
  static uint64_t identity(uint64_t ns_number, uint64_t id_hash) noexcept {
    return mix(id_hash + ns_number * 0x9e3779b97f4a7c15ULL);
  }
  struct IdentityOf {
    static uint64_t of(const Entry& entry) noexcept {
      return identity(entry.ns->number, hash_id(entry.id()));
    }
  };
  struct IdOf {
    static uint64_t of(const Entry& entry) noexcept { return hash_id(entry.id()); }
  };

  ShardedTable<Entry, &Entry::by_namespace_and_id, IdentityOf> in_namespace_;
  ShardedTable<Entry, &Entry::by_id, IdOf> anywhere_;
};

}  // namespace ferro::node::store
