// Which nodes own which partition: a pure function of the members, so that every node that knows the same
// members computes the same table, and nobody has to agree on it.
//
// Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Schindelhauer and Schomaker 2005)
// with bounded loads (Mirrokni et al. 2018): each partition takes the members that score highest for it among
// those that are not full. docs/cluster.md, "Placement".
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "node/model/partition.h"
#include "node/model/split_table.h"

namespace ferro::node::cluster {

using NodeId = std::string;

struct RingMember {
  NodeId id;
  uint32_t weight = 64;  // cluster.virtual_nodes: its share relative to the others
  friend auto operator<=>(const RingMember&, const RingMember&) = default;
};

// A value; immutable once built. Any thread.
class Placement {
 public:
  Placement() = default;  // nobody owns anything
  // `members` in any order, at most kMembersMax; who has no weight, or the id of another, is left out.
  // `factor` >= 1: owners of a partition, fewer if there are fewer members. Takes some 0.2 ms a member.
  static Placement build(std::vector<RingMember> members, size_t factor,
                         const model::SplitTable& splits = {});
  // The same owners with other splits. Costs a copy.
  Placement with(const model::SplitTable& splits) const;
  static constexpr size_t kMembersMax = 65'535;

  // Best first, distinct; empty only without members.
  std::span<const uint16_t> owners(uint16_t partition) const noexcept;  // indexes into members()
  bool owns(std::string_view node, uint16_t partition) const noexcept;
  model::PartitionSet partitions_of(std::string_view node) const noexcept;

  const std::vector<RingMember>& members() const noexcept { return members_; }  // by id
  const NodeId& id(uint16_t member) const { return members_[member].id; }
  size_t factor() const noexcept { return factor_; }
  // By which namespaces lie in its partitions; never null.
  const std::shared_ptr<const model::SplitTable>& splits() const noexcept { return splits_; }
  bool empty() const noexcept { return members_.empty(); }
  // Equal exactly when members, weights, factor and splits are (64-bit hash, the same on every machine).
  uint64_t fingerprint() const noexcept { return fingerprint_; }

 private:
  std::vector<RingMember> members_;
  size_t factor_ = 0;
  size_t copies_ = 0;                       // owners of each partition
  std::vector<uint16_t> owners_;            // kPartitions rows of copies_
  std::vector<model::PartitionSet> owned_;  // by member: the same, seen from the other side
  uint64_t fingerprint_ = 0, fingerprint_of_owners_ = 0;
  std::shared_ptr<const model::SplitTable> splits_ = std::make_shared<const model::SplitTable>();
};

}  // namespace ferro::node::cluster
