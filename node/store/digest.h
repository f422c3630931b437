// What nodes compare before they compare entries: one number over what a partition or namespace holds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/time/hlc.h"
#include "node/model/namespace_key.h"
#include "node/model/partition.h"

namespace ferro::node::store {

// XXH3-64 over model, scope, conversation and id, each as its size in a varint and its bytes, then the
// version as in operation.md; 1 in place of 0. The same on every node: part of the protocol. `scratch` is
// overwritten.
uint64_t entry_digest(const model::NamespaceKey& ns, std::string_view id, const Hlc& version,
                      std::string& scratch);

// XOR of the digests of entries, and how many there are. The writer changes it, any thread reads; the two
// figures may be of different instants.
class DigestSum {
 public:
  void add(uint64_t digest) noexcept { change(digest, 1); }
  void remove(uint64_t digest) noexcept { change(digest, UINT64_MAX); }
  uint64_t digest() const noexcept { return digest_.load(std::memory_order_relaxed); }
  uint64_t entries() const noexcept { return entries_.load(std::memory_order_relaxed); }

 private:
  void change(uint64_t digest, uint64_t by) noexcept {
    digest_.fetch_xor(digest, std::memory_order_relaxed);
    entries_.fetch_add(by, std::memory_order_relaxed);
  }
  std::atomic<uint64_t> digest_{0};
  std::atomic<uint64_t> entries_{0};
};

// The same of each slot of a large namespace: what its shards hold, however it is split.
using SlotSums = std::array<DigestSum, model::kSlots>;

using PartitionDigests = std::array<DigestSum, model::kPartitions>;

}  // namespace ferro::node::store
