// Says which namespaces have grown so large that they should be spread over more partitions: those of which
// this node holds a shard beyond the configured size. What comes of it is the ring's business (RingKeeper).
//
// Owned by the cluster node, on its loop. Goes round the partitions a piece at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "node/cluster/placement/placement.h"
#include "node/model/split_table.h"
#include "node/store/store.h"

namespace ferro::node::cluster {

struct SplitterOptions {
  NodeId self;
  uint64_t entries = 0, bytes = 0;  // most of one shard; 0 = however many
  size_t steps = 10;                // a round takes so many
};

class Splitter {
 public:
  Splitter(SplitterOptions options, const store::Store& store)
      : options_(std::move(options)), store_(store) {}

  // One step; what is wanted beyond that ring, as the last whole round found it.
  const model::SplitTable& step(const Placement& ring);
  const model::SplitTable& wanted() const noexcept { return wanted_; }

 private:
  void look_at(const store::LargeNamespace& large, const Placement& ring);

  const SplitterOptions options_;
  const store::Store& store_;
  size_t next_ = 0;  // partition
  std::vector<model::Split> found_;
  model::SplitTable wanted_;
};

// How far a namespace may be split in a ring: 0 where every member has everything anyway; at most four
// shards a member, enough for an even load, and no more, because a query asks all of them.
unsigned split_degree_max(const Placement& ring) noexcept;

}  // namespace ferro::node::cluster
