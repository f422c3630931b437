#include "node/cluster/core/splitter.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ferro::node::cluster {

namespace {

constexpr size_t kShardsOfMemberMax = 4;

}  // namespace

unsigned split_degree_max(const Placement& ring) noexcept {
  const size_t members = ring.members().size();
  if (members <= ring.factor()) return 0;
  const auto degree = static_cast<unsigned>(std::bit_width(members * kShardsOfMemberMax) - 1);
  return std::min(degree, model::kSplitDegreeMax);
}

const model::SplitTable& Splitter::step(const Placement& ring) {
  if (options_.entries == 0 && options_.bytes == 0) return wanted_;
  if (split_degree_max(ring) == 0) {  // too few members: nothing is looked for
    next_ = 0;
    found_.clear();
    return wanted_ = model::SplitTable();
  }
  const size_t end =
      std::min(next_ + (model::kPartitions + options_.steps - 1) / options_.steps, model::kPartitions);
  for (; next_ < end; ++next_) {
    const auto partition = static_cast<uint16_t>(next_);
    for (const store::LargeNamespace& large :
         store_.larger_than(partition, options_.entries, options_.bytes)) {
      look_at(large, ring);
    }
  }
  if (next_ == model::kPartitions) {
    next_ = 0;
    wanted_ = model::SplitTable(std::exchange(found_, {}));
  }
  return wanted_;
}

void Splitter::look_at(const store::LargeNamespace& large, const Placement& ring) {
  const unsigned degree = ring.splits()->degree_of(large.hash);
  unsigned wanted = degree;
  for (const auto& shard : ring.splits()->shards_of(large.hash)) {
    if (!ring.owns(options_.self, shard.partition)) continue;
    uint64_t entries = 0;
    for (unsigned slot = 0; slot < model::kSlots; ++slot) {
      if ((shard.slots >> slot & 1U) != 0) entries += large.slot_entries[slot];
    }
    const uint64_t bytes_each = large.bytes / std::max<uint64_t>(1, large.entries);
    const auto too_large = [&](unsigned at_degree) {
      const uint64_t then = entries >> (at_degree - degree);
      return (options_.entries != 0 && then > options_.entries) ||
             (options_.bytes != 0 && then * bytes_each > options_.bytes);
    };
    while (wanted < split_degree_max(ring) && too_large(wanted)) ++wanted;
  }
  if (wanted > degree) found_.push_back({large.hash, wanted});
}

}  // namespace ferro::node::cluster
