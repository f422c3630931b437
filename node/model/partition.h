// Partitions: the unit that nodes of a cluster own, replicate, compare and hand over. A namespace lies in one
// partition, whole; which nodes own a partition is node/cluster/placement's business.
//
// The number is part of the protocol and of the ids that servers make (common/crypto/uuid.h): it never
// changes.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "node/model/namespace_key.h"

namespace ferro::node::model {

// Enough that a hundred nodes balance within a few percent, few enough that one digest each is 8 KB.
inline constexpr size_t kPartitions = 1024;

using PartitionSet = std::bitset<kPartitions>;

// By a hash of all three parts of the key (XXH3-64 of model, scope and conversation, each as its size in a
// varint and its bytes, modulo kPartitions): the same on every machine and in every version. Conversations
// spread over the cluster, they do not follow their base namespace.
uint16_t partition_of(const NamespaceKey& ns) noexcept;

}  // namespace ferro::node::model
