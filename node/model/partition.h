// Partitions: the unit that nodes of a cluster own, replicate, compare and hand over. A namespace lies in one
// partition, whole, or, once it has been split, in several, by the hash of its ids (split_table.h); which
// nodes own a partition is node/cluster/placement's business.
//
// The number is part of the protocol and of the ids that servers make (common/crypto/uuid.h): it never
// changes.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "node/model/namespace_key.h"

namespace ferro::node::model {

// Enough that a hundred nodes balance within a few percent, few enough that one digest each is 8 KB.
inline constexpr size_t kPartitions = 1024;

using PartitionSet = std::bitset<kPartitions>;

// XXH3-64 of model, scope and conversation, each as its size in a varint and its bytes: the same on every
// machine and in every version.
uint64_t namespace_hash(const NamespaceKey& ns) noexcept;

// Where a namespace begins, and where it lies whole unless it is split: its hash modulo kPartitions.
// Conversations spread over the cluster, they do not follow their base namespace.
uint16_t partition_of(const NamespaceKey& ns) noexcept;
inline uint16_t home_of(uint64_t ns_hash) noexcept {
  return static_cast<uint16_t>(ns_hash % kPartitions);
}

// The ids of a namespace fall into 64 slots by the upper six bits of their XXH3-64. A split moves whole
// slots, so everything that is kept by slot survives any number of splits. Bit s: slot s.
using SlotSet = uint64_t;
inline constexpr unsigned kSlots = 64;
inline constexpr SlotSet kAllSlots = ~SlotSet{0};

unsigned slot_of(std::string_view id) noexcept;
inline SlotSet slot_bit(std::string_view id) noexcept {
  return SlotSet{1} << slot_of(id);
}

}  // namespace ferro::node::model
