// Which namespaces are split over how many partitions. Part of the ring (node/cluster/ring): whoever goes by
// the same ring finds every entry in the same place. docs/decisions/0006-splitting-by-slots.md.
//
// A namespace of degree d has 2^d shards: shard j holds the slots (partition.h) whose lower d bits are j, and
// lies in a partition of its own. So one degree more leaves half of each shard where it is and moves the
// other half; no entry ever moves back, because degrees only grow.
//
// Namespaces are meant by their hash. Two that share one are split together, which is harmless: both are
// found by the same rule. Values; immutable once built, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "node/model/namespace_key.h"
#include "node/model/partition.h"

namespace ferro::node::model {

inline constexpr unsigned kSplitDegreeMax = 6;  // a slot a shard
// Bounds the gossiped ring and the work for each digest. A namespace is split from some 250,000 entries on,
// so so many are more than a terabyte of vectors.
inline constexpr size_t kSplitsMax = 128;

struct Split {
  uint64_t ns = 0;      // namespace_hash
  unsigned degree = 0;  // 1..kSplitDegreeMax
  friend bool operator==(const Split&, const Split&) = default;
};

class SplitTable {
 public:
  SplitTable() = default;
  // In any order; of two of one namespace the higher degree counts. What is out of range is left out, and so
  // is what is too much: the last by hash.
  explicit SplitTable(std::vector<Split> splits);
  // Both at once: of each namespace the higher degree; those of `a` before any that only `b` has.
  static SplitTable merged(const SplitTable& a, const SplitTable& b);

  bool empty() const noexcept { return splits_.empty(); }
  const std::vector<Split>& splits() const noexcept { return splits_; }  // by hash
  unsigned degree_of(uint64_t ns_hash) const noexcept;
  // Every degree of `other` is reached here.
  bool covers(const SplitTable& other) const noexcept;
  // 0 exactly if it is empty; otherwise equal exactly when the tables are (64-bit hash).
  uint64_t fingerprint() const noexcept { return fingerprint_; }

  uint16_t partition_of(uint64_t ns_hash, unsigned slot) const noexcept;
  uint16_t partition_of(const NamespaceKey& ns, std::string_view id) const noexcept;
  // Those of the namespace's slots that lie in the partition; 0 = none.
  SlotSet slots_in(uint64_t ns_hash, uint16_t partition) const noexcept;

  struct Shard {
    uint16_t partition = 0;
    uint64_t ns = 0;
    SlotSet slots = kAllSlots;
  };
  // All of a namespace; one for a namespace that is not split.
  std::vector<Shard> shards_of(uint64_t ns_hash) const;
  // Shards of split namespaces in this partition.
  std::vector<Shard> shards_in(uint16_t partition) const;

  friend bool operator==(const SplitTable& a, const SplitTable& b) { return a.splits_ == b.splits_; }

 private:
  std::vector<Split> splits_;
  std::vector<Shard> shards_;  // by partition
  uint64_t fingerprint_ = 0;
};

// Where shard `shard` of a namespace lies: all of one namespace in partitions of their own.
uint16_t partition_of_shard(uint64_t ns_hash, unsigned shard) noexcept;
SlotSet slots_of_shard(unsigned degree, unsigned shard) noexcept;

// `<count>` and for each ` <hash in 16 hexadecimal digits>:<degree>`, by hash.
std::string print_splits(const SplitTable& splits);
// invalid_argument unless print_splits() writes it so.
Result<SplitTable> parse_splits(std::string_view text);

// Some partitions, as a split table sees them: what a node is asked about.
struct Territory {
  PartitionSet partitions;
  std::shared_ptr<const SplitTable> splits = nullptr;  // null: none are split

  SlotSet slots_of(uint64_t ns_hash) const noexcept;
  bool holds(const NamespaceKey& ns, std::string_view id) const noexcept {
    return (slots_of(namespace_hash(ns)) & slot_bit(id)) != 0;
  }
};

}  // namespace ferro::node::model
