// Intrusive hash table in shards, each with a short lock of its own. Nodes carry their link, so the table
// allocates nothing but its bucket arrays.
//
// Thread rule: any thread may look up, the store's writer alone inserts and erases. The lock covers the walk
// of one bucket, or of one shard when it grows. A node found may be erased at once by the writer: what keeps
// it valid for a reader is the epoch guard that it holds, not the table.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "node/store/memory_account.h"

namespace ferro::node::store {

template <typename T>
struct TableLink {
  T* next = nullptr;
  T** place = nullptr;  // what points here; null = in no table
};

// Spreads the bits of a sum of hashes (the finaliser of MurmurHash3).
constexpr uint64_t mix(uint64_t bits) noexcept {
  bits = (bits ^ (bits >> 33)) * 0xff51afd7ed558ccdULL;
  bits = (bits ^ (bits >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return bits ^ (bits >> 33);
}

// `HashOf::of(node)` gives a node's hash, well spread over 64 bits, the same as the one it was inserted with.
template <typename T, TableLink<T> T::*kLink, typename HashOf>
class ShardedTable {
  struct Shard;

 public:
  explicit ShardedTable(MemoryAccount& memory) : memory_(memory) {}
  ShardedTable(const ShardedTable&) = delete;
  ShardedTable& operator=(const ShardedTable&) = delete;
  ~ShardedTable() { memory_.remove(bytes()); }

  // The first node of the bucket that `match` accepts, or null.
  template <typename Match>
  T* find(uint64_t hash, Match&& match) const {
    const Shard& shard = shard_of(hash);
    const std::lock_guard lock(shard.mutex);
    return first(shard, hash, match);
  }

  // Every node of the bucket: the caller picks those with its key. Under the lock: only collect.
  template <typename Visit>
  void visit_bucket(uint64_t hash, Visit&& visit) const {
    const Shard& shard = shard_of(hash);
    const std::lock_guard lock(shard.mutex);
    if (shard.buckets.empty()) return;
    for (T* node = shard.buckets[slot_of(shard, hash)]; node != nullptr; node = (node->*kLink).next)
      visit(*node);
  }

  void insert(uint64_t hash, T& node) {
    edit(hash, [&](Editor& editor) { editor.insert(node); });
  }
  void erase(uint64_t hash, T& node) {
    edit(hash, [&](Editor& editor) { editor.erase(node); });
  }

  // Several changes under one lock, all of nodes with this hash's shard.
  class Editor {
   public:
    template <typename Match>
    T* find(Match&& match) const {
      return first(shard_, hash_, match);
    }
    void insert(T& node) {
      table_.grow(shard_);
      push(shard_, hash_, node);
      ++shard_.size;
    }
    void erase(T& node) {
      TableLink<T>& link = node.*kLink;
      *link.place = link.next;
      if (link.next != nullptr) (link.next->*kLink).place = link.place;
      link = {};
      --shard_.size;
    }
    // `fresh` takes the place of `old`, which leaves the table.
    void replace(T& old, T& fresh) {
      TableLink<T>& link = fresh.*kLink;
      link = old.*kLink;
      *link.place = &fresh;
      if (link.next != nullptr) (link.next->*kLink).place = &link.next;
      old.*kLink = {};
    }

   private:
    friend class ShardedTable;
    Editor(ShardedTable& table, Shard& shard, uint64_t hash) : table_(table), shard_(shard), hash_(hash) {}
    ShardedTable& table_;
    Shard& shard_;
    const uint64_t hash_;
  };

  template <typename Change>
  void edit(uint64_t hash, Change&& change) {
    Shard& shard = shards_[hash >> kShardShift];
    const std::lock_guard lock(shard.mutex);
    Editor editor(*this, shard, hash);
    change(editor);
  }

 private:
  // More than there are threads, so that two rarely meet in one.
  static constexpr size_t kShards = 64;
  static constexpr unsigned kShardShift = 58;
  static constexpr size_t kFirstBuckets = 4;

  struct alignas(64) Shard {  // a cache line of its own: threads in different shards do not meet
    mutable std::mutex mutex;
    std::vector<T*> buckets;  // a power of two of them, at most one node each on average
    size_t size = 0;
  };

  const Shard& shard_of(uint64_t hash) const noexcept { return shards_[hash >> kShardShift]; }
  static size_t slot_of(const Shard& shard, uint64_t hash) noexcept {
    return hash & (shard.buckets.size() - 1);
  }

  template <typename Match>
  static T* first(const Shard& shard, uint64_t hash, Match& match) {
    if (shard.buckets.empty()) return nullptr;
    T* node = shard.buckets[slot_of(shard, hash)];
    while (node != nullptr && !match(*node)) node = (node->*kLink).next;
    return node;
  }

  static void push(Shard& shard, uint64_t hash, T& node) {
    T*& head = shard.buckets[slot_of(shard, hash)];
    TableLink<T>& link = node.*kLink;
    link = {head, &head};
    if (head != nullptr) (head->*kLink).place = &link.next;
    head = &node;
  }

  void grow(Shard& shard) {
    if (shard.size < shard.buckets.size()) return;
    std::vector<T*> old(shard.buckets.empty() ? kFirstBuckets : shard.buckets.size() * 2, nullptr);
    old.swap(shard.buckets);
    if (!old.empty()) memory_.remove(heap_bytes(old.size() * sizeof(T*)));
    memory_.add(heap_bytes(shard.buckets.size() * sizeof(T*)));
    for (T* node : old) {
      while (node != nullptr) {
        T* next = (node->*kLink).next;
        push(shard, HashOf::of(*node), *node);
        node = next;
      }
    }
  }

  size_t bytes() const noexcept {
    size_t sum = 0;
    for (const Shard& shard : shards_) {
      if (!shard.buckets.empty()) sum += heap_bytes(shard.buckets.size() * sizeof(T*));
    }
    return sum;
  }

  MemoryAccount& memory_;
  std::array<Shard, kShards> shards_;
};

}  // namespace ferro::node::store
