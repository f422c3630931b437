#include "node/store/id_index.h"

#include <xxhash.h>

namespace ferro::node::store {

uint64_t hash_id(std::string_view id) noexcept {
  return XXH3_64bits(id.data(), id.size());
}

Entry* IdIndex::find_alive(const NamespaceState& ns, std::string_view id) const {
  return in_namespace_.find(identity(ns.number, hash_id(id)), [&](const Entry& entry) {
    return entry.ns == &ns && entry.id() == id && !entry.dead();
  });
}

const Entry* IdIndex::find_version(uint64_t ns_number, uint64_t id_hash, const Hlc& version) const {
  // The namespace of a dead entry may be gone already: look at it last.
  return in_namespace_.find(identity(ns_number, id_hash), [&](const Entry& entry) {
    return entry.version() == version && !entry.dead() && entry.ns->number == ns_number &&
           hash_id(entry.id()) == id_hash;
  });
}

const Entry* IdIndex::find_seen(const NamespaceState& ns, std::string_view id, const ReadView& view) const {
  return in_namespace_.find(identity(ns.number, hash_id(id)), [&](const Entry& entry) {
    return entry.ns == &ns && entry.id() == id && view.sees(entry);
  });
}

std::vector<const Entry*> IdIndex::find_all(std::string_view id) const {
  std::vector<const Entry*> out;
  anywhere_.visit_bucket(hash_id(id), [&](const Entry& entry) {
    if (entry.id() == id) out.push_back(&entry);
  });
  return out;
}

void IdIndex::link(Entry& entry) {
  in_namespace_.insert(IdentityOf::of(entry), entry);
  anywhere_.insert(IdOf::of(entry), entry);
}

void IdIndex::unlink(Entry& entry) {
  in_namespace_.erase(IdentityOf::of(entry), entry);
  anywhere_.erase(IdOf::of(entry), entry);
}

}  // namespace ferro::node::store
