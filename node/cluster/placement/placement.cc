#include "node/cluster/placement/placement.h"

#include <xxhash.h>

#include <algorithm>
#include <iterator>
#include <tuple>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "node/cluster/placement/bounded_assignment.h"
#include "node/cluster/placement/score.h"

namespace ferro::node::cluster {

namespace {

// Part of every fingerprint: whoever changes what build() answers raises it, or nodes of two builds would
// take different tables for the same one.
constexpr uint8_t kAlgorithm = 1;

// How far a member may be above its share. Less moves more when members change; docs/cluster.md has figures.
constexpr uint64_t kSlackPercent = 2;

uint64_t with_splits(uint64_t fingerprint, const model::SplitTable& splits) {
  if (splits.empty()) return fingerprint;
  std::string bytes;
  ByteWriter out(bytes);
  out.u64(fingerprint);
  out.u64(splits.fingerprint());
  return XXH3_64bits(bytes.data(), bytes.size());
}

uint64_t fingerprint_of(const std::vector<RingMember>& members, size_t factor) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(kAlgorithm);
  out.u64(factor);
  for (const RingMember& member : members) {
    out.text(member.id);
    out.u32(member.weight);
  }
  return XXH3_64bits(bytes.data(), bytes.size());
}

// Of `copies` times all partitions, the share of each by weight, and a little more; nobody can own a
// partition twice, so what is beyond all partitions is for the others.
std::vector<uint32_t> bounds_of(const std::vector<RingMember>& members, size_t copies) {
  std::vector<uint32_t> bounds(members.size());
  uint64_t slots = model::kPartitions * copies;
  uint64_t weights = 0;
  for (const RingMember& member : members) weights += member.weight;
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < members.size(); ++i) {
      if (bounds[i] != 0 || slots * members[i].weight < model::kPartitions * weights) continue;
      bounds[i] = model::kPartitions;
      slots -= model::kPartitions;
      weights -= members[i].weight;
      again = true;
    }
  }
  for (size_t i = 0; i < members.size(); ++i) {
    if (bounds[i] != 0) continue;
    const uint64_t hundredfold = slots * members[i].weight * (100 + kSlackPercent);
    const uint64_t bound = (hundredfold + 100 * weights - 1) / (100 * weights);
    bounds[i] = static_cast<uint32_t>(std::min<uint64_t>(bound, model::kPartitions));
  }
  return bounds;
}

// Every pair, nearest first.
std::vector<Candidate> candidates_of(const std::vector<RingMember>& members) {
  std::vector<Candidate> candidates;
  candidates.reserve(members.size() * model::kPartitions);
  for (size_t i = 0; i < members.size(); ++i) {
    const uint64_t hash = hash_of_member(members[i].id);
    for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
      candidates.push_back(
          {distance(hash, partition, members[i].weight), partition, static_cast<uint16_t>(i)});
    }
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.distance != b.distance) return a.distance < b.distance;
    return std::tie(a.partition, a.member) < std::tie(b.partition, b.member);
  });
  return candidates;
}

}  // namespace

Placement Placement::with(const model::SplitTable& splits) const {
  Placement out = *this;
  out.splits_ = std::make_shared<const model::SplitTable>(splits);
  if (!out.empty()) out.fingerprint_ = with_splits(fingerprint_of_owners_, splits);
  return out;
}

Placement Placement::build(std::vector<RingMember> members, size_t factor, const model::SplitTable& splits) {
  Placement out;
  std::erase_if(members, [](const RingMember& member) { return member.weight == 0; });
  std::sort(members.begin(), members.end());
  const auto same_id = [](const RingMember& a, const RingMember& b) { return a.id == b.id; };
  members.erase(std::unique(members.begin(), members.end(), same_id), members.end());
  out.members_ = std::move(members);
  out.factor_ = factor;
  out.copies_ = std::min(factor, out.members_.size());
  out.owned_.resize(out.members_.size());
  if (!splits.empty()) out.splits_ = std::make_shared<const model::SplitTable>(splits);
  if (out.copies_ == 0) return out;
  FERRO_ASSERT(out.members_.size() <= kMembersMax, "a ring has at most kMembersMax members");
  out.fingerprint_of_owners_ = fingerprint_of(out.members_, factor);
  out.fingerprint_ = with_splits(out.fingerprint_of_owners_, splits);

  const std::vector<Candidate> candidates = candidates_of(out.members_);
  BoundedAssignment owners(out.copies_, bounds_of(out.members_, out.copies_));
  owners.run(candidates);

  // Who of the owners comes first is bounded too: it does most of the work.
  std::vector<std::vector<bool>> owns(model::kPartitions, std::vector<bool>(out.members_.size()));
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
    for (const uint16_t member : owners.members(partition)) owns[partition][member] = true;
  }
  std::vector<Candidate> of_owners;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(of_owners),
               [&](const Candidate& it) { return owns[it.partition][it.member]; });
  BoundedAssignment first(1, bounds_of(out.members_, 1));
  first.run(of_owners);

  std::vector<uint16_t> filled(model::kPartitions, 1);
  out.owners_.resize(model::kPartitions * out.copies_);
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
    out.owners_[partition * out.copies_] = first.members(partition).front();
  }
  for (const Candidate& it : of_owners) {
    uint16_t* const row = out.owners_.data() + it.partition * out.copies_;
    if (it.member != *row) row[filled[it.partition]++] = it.member;
  }
  for (size_t i = 0; i < out.owners_.size(); ++i) out.owned_[out.owners_[i]].set(i / out.copies_);
  return out;
}

std::span<const uint16_t> Placement::owners(uint16_t partition) const noexcept {
  return {owners_.data() + partition * copies_, copies_};
}

bool Placement::owns(std::string_view node, uint16_t partition) const noexcept {
  const std::span<const uint16_t> row = owners(partition);
  return std::any_of(row.begin(), row.end(), [&](uint16_t member) { return members_[member].id == node; });
}

model::PartitionSet Placement::partitions_of(std::string_view node) const noexcept {
  const auto member =
      std::lower_bound(members_.begin(), members_.end(), node,
                       [](const RingMember& one, std::string_view id) { return one.id < id; });
  if (member == members_.end() || member->id != node) return {};
  return owned_[static_cast<size_t>(member - members_.begin())];
}

}  // namespace ferro::node::cluster
