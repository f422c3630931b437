#include "node/store/exact_index.h"

namespace ferro::node::store {

const Entry* ExactIndex::head(const NamespaceState& ns, const model::TextHash& hash) const {
  return heads_.find(place(ns.number, hash),
                     [&](const Entry& entry) { return entry.ns == &ns && entry.text_hash == hash; });
}

void ExactIndex::link(Entry& entry) {
  heads_.edit(PlaceOf::of(entry), [&](auto& table) {
    Entry* newer = nullptr;
    Entry* older = table.find(
        [&](const Entry& other) { return other.ns == entry.ns && other.text_hash == entry.text_hash; });
    Entry* const head = older;
    // Writes arrive in order of version, so this ends at once except when copies come from elsewhere.
    while (older != nullptr && older->version() > entry.version()) {
      newer = older;
      older = older->older.load(std::memory_order_relaxed);
    }
    entry.newer = newer;
    entry.older.store(older, std::memory_order_relaxed);
    if (older != nullptr) older->newer = &entry;
    if (newer != nullptr) {
      newer->older.store(&entry, std::memory_order_release);
    } else if (head != nullptr) {
      table.replace(*head, entry);
    } else {
      table.insert(entry);
    }
  });
}

void ExactIndex::unlink(Entry& entry) {
  heads_.edit(PlaceOf::of(entry), [&](auto& table) {
    Entry* const older = entry.older.load(std::memory_order_relaxed);
    if (older != nullptr) older->newer = entry.newer;
    if (entry.newer != nullptr) {
      entry.newer->older.store(older, std::memory_order_release);
    } else if (older != nullptr) {
      table.replace(entry, *older);
    } else {
      table.erase(entry);
    }
  });
}

}  // namespace ferro::node::store
