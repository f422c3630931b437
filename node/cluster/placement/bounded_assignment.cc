#include "node/cluster/placement/bounded_assignment.h"

#include <algorithm>
#include <deque>

#include "node/model/partition.h"

namespace ferro::node::cluster {

BoundedAssignment::BoundedAssignment(size_t copies, std::vector<uint32_t> bounds)
    : copies_(copies),
      bounds_(std::move(bounds)),
      loads_(bounds_.size()),
      members_(model::kPartitions * copies),
      counts_(model::kPartitions) {}

std::span<const uint16_t> BoundedAssignment::members(uint16_t partition) const noexcept {
  return {members_.data() + partition * copies_, counts_[partition]};
}

bool BoundedAssignment::holds(uint16_t partition, uint16_t member) const noexcept {
  const std::span<const uint16_t> row = members(partition);
  return std::find(row.begin(), row.end(), member) != row.end();
}

void BoundedAssignment::give(uint16_t partition, uint16_t member) {
  members_[partition * copies_ + counts_[partition]] = member;
  ++counts_[partition];
  ++loads_[member];
}

void BoundedAssignment::replace(uint16_t partition, uint16_t from, uint16_t to) {
  uint16_t* const row = members_.data() + partition * copies_;
  *std::find(row, row + counts_[partition], from) = to;
  --loads_[from];
  ++loads_[to];
}

void BoundedAssignment::run(std::span<const Candidate> candidates) {
  for (const Candidate& candidate : candidates) {
    if (counts_[candidate.partition] < copies_ && !full(candidate.member)) {
      give(candidate.partition, candidate.member);
    }
  }
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
    while (counts_[partition] < copies_) complete(partition, candidates);
  }
}

void BoundedAssignment::complete(uint16_t partition, std::span<const Candidate> candidates) {
  if (allowed_.empty()) {
    allowed_.assign(model::kPartitions, std::vector<bool>(bounds_.size()));
    for (const Candidate& candidate : candidates) allowed_[candidate.partition][candidate.member] = true;
  }
  if (augment(partition)) return;
  // The bounds cannot hold for everybody: here the nearest takes more than its bound.
  const auto nearest = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return candidate.partition == partition && !holds(partition, candidate.member);
  });
  give(partition, nearest->member);
}

// Breadth first from the members that `partition` could take to one that is not full; each full one on the
// way hands one of its partitions to the next.
bool BoundedAssignment::augment(uint16_t partition) {
  struct Step {
    uint16_t from = 0;       // gave up ...
    uint16_t partition = 0;  // ... this one
    bool seen = false, first = false;
  };
  std::vector<Step> steps(bounds_.size());
  std::deque<uint16_t> queue;
  for (uint16_t member = 0; member < bounds_.size(); ++member) {
    if (!allowed_[partition][member] || holds(partition, member)) continue;
    steps[member] = {member, partition, true, true};
    queue.push_back(member);
  }
  for (; !queue.empty(); queue.pop_front()) {
    uint16_t member = queue.front();
    if (!full(member)) {
      for (; !steps[member].first; member = steps[member].from) {
        replace(steps[member].partition, steps[member].from, member);
      }
      give(partition, member);
      return true;
    }
    for (uint16_t other = 0; other < model::kPartitions; ++other) {
      if (!holds(other, member)) continue;
      for (uint16_t next = 0; next < bounds_.size(); ++next) {
        if (steps[next].seen || !allowed_[other][next] || holds(other, next)) continue;
        steps[next] = {member, other, true, false};
        queue.push_back(next);
      }
    }
  }
  return false;
}

}  // namespace ferro::node::cluster
