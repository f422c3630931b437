// Gives every partition some members, nearest first, none more than its bound. Private to
// node/cluster/placement.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ferro::node::cluster {

struct Candidate {  // of all pairs of a partition and a member
  uint64_t distance = 0;
  uint16_t partition = 0;
  uint16_t member = 0;
};

// One run of the greedy: candidates come nearest first, a pair is taken if the partition still needs somebody
// and the member is not full. That is the one stable matching of partitions and members that both prefer what
// is near, so a member more or less moves little but what it takes or leaves. A partition that this leaves
// short gets its members by moving others along (augmenting paths), so bounds hold whenever they can.
// One call of build() owns it.
class BoundedAssignment {
 public:
  // `bounds`: of each member. `copies`: members for each partition.
  BoundedAssignment(size_t copies, std::vector<uint32_t> bounds);

  // Sorted candidates; those that are not among them are not allowed.
  void run(std::span<const Candidate> candidates);
  // The members of a partition, nearest first as far as they came from the greedy.
  std::span<const uint16_t> members(uint16_t partition) const noexcept;

 private:
  bool holds(uint16_t partition, uint16_t member) const noexcept;
  bool full(uint16_t member) const noexcept { return loads_[member] >= bounds_[member]; }
  void give(uint16_t partition, uint16_t member);
  void replace(uint16_t partition, uint16_t from, uint16_t to);
  void complete(uint16_t partition, std::span<const Candidate> candidates);
  bool augment(uint16_t partition);

  const size_t copies_;
  std::vector<uint32_t> bounds_;
  std::vector<uint32_t> loads_;
  std::vector<uint16_t> members_;           // rows of copies_
  std::vector<uint16_t> counts_;            // how much of a row is filled
  std::vector<std::vector<bool>> allowed_;  // made when a partition stays short: [partition][member]
};

}  // namespace ferro::node::cluster
