#include "node/model/split_table.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/bytes.h"

namespace ferro::node::model {

namespace {

constexpr size_t kHashDigits = 16;

void print_hash(uint64_t hash, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (size_t i = kHashDigits; i-- > 0;) out += kDigits[(hash >> (4 * i)) & 15U];
}

}  // namespace

uint16_t partition_of_shard(uint64_t ns_hash, unsigned shard) noexcept {
  // An odd step goes round all partitions before it comes back.
  const uint64_t step = (ns_hash >> 32U) | 1U;
  return static_cast<uint16_t>((ns_hash % kPartitions + shard * step) % kPartitions);
}

SlotSet slots_of_shard(unsigned degree, unsigned shard) noexcept {
  SlotSet slots = 0;
  for (unsigned slot = shard; slot < kSlots; slot += 1U << degree) slots |= SlotSet{1} << slot;
  return slots;
}

SplitTable::SplitTable(std::vector<Split> splits) {
  std::sort(splits.begin(), splits.end(),
            [](const Split& a, const Split& b) { return a.ns != b.ns ? a.ns < b.ns : a.degree > b.degree; });
  for (const Split& split : splits) {
    if (split.degree == 0 || split.degree > kSplitDegreeMax || splits_.size() == kSplitsMax) continue;
    if (splits_.empty() || splits_.back().ns != split.ns) splits_.push_back(split);
  }
  std::string bytes;
  ByteWriter out(bytes);
  for (const Split& split : splits_) {
    out.u64(split.ns);
    out.u8(static_cast<uint8_t>(split.degree));
    for (const Shard& shard : shards_of(split.ns)) shards_.push_back(shard);
  }
  std::stable_sort(shards_.begin(), shards_.end(),
                   [](const Shard& a, const Shard& b) { return a.partition < b.partition; });
  if (splits_.empty()) return;
  fingerprint_ = XXH3_64bits(bytes.data(), bytes.size());
  if (fingerprint_ == 0) fingerprint_ = 1;
}

SplitTable SplitTable::merged(const SplitTable& a, const SplitTable& b) {
  if (a.covers(b)) return a;
  std::vector<Split> all = a.splits_;
  size_t room = kSplitsMax - std::min(kSplitsMax, all.size());
  for (const Split& split : b.splits_) {
    const bool known = a.degree_of(split.ns) != 0;
    if (!known && room == 0) continue;
    if (!known) --room;
    all.push_back(split);
  }
  return SplitTable(std::move(all));
}

unsigned SplitTable::degree_of(uint64_t ns_hash) const noexcept {
  const auto found = std::lower_bound(splits_.begin(), splits_.end(), ns_hash,
                                      [](const Split& split, uint64_t hash) { return split.ns < hash; });
  return found != splits_.end() && found->ns == ns_hash ? found->degree : 0;
}

bool SplitTable::covers(const SplitTable& other) const noexcept {
  return std::all_of(other.splits_.begin(), other.splits_.end(),
                     [this](const Split& split) { return degree_of(split.ns) >= split.degree; });
}

uint16_t SplitTable::partition_of(uint64_t ns_hash, unsigned slot) const noexcept {
  return partition_of_shard(ns_hash, slot & ((1U << degree_of(ns_hash)) - 1));
}

uint16_t SplitTable::partition_of(const NamespaceKey& ns, std::string_view id) const noexcept {
  const uint64_t hash = namespace_hash(ns);
  return splits_.empty() ? home_of(hash) : partition_of(hash, slot_of(id));
}

SlotSet SplitTable::slots_in(uint64_t ns_hash, uint16_t partition) const noexcept {
  const unsigned degree = degree_of(ns_hash);
  for (unsigned shard = 0; shard < 1U << degree; ++shard) {
    if (partition_of_shard(ns_hash, shard) == partition) return slots_of_shard(degree, shard);
  }
  return 0;
}

std::vector<SplitTable::Shard> SplitTable::shards_of(uint64_t ns_hash) const {
  const unsigned degree = degree_of(ns_hash);
  std::vector<Shard> shards;
  for (unsigned shard = 0; shard < 1U << degree; ++shard) {
    shards.push_back({partition_of_shard(ns_hash, shard), ns_hash, slots_of_shard(degree, shard)});
  }
  return shards;
}

std::vector<SplitTable::Shard> SplitTable::shards_in(uint16_t partition) const {
  const auto [first, last] =
      std::equal_range(shards_.begin(), shards_.end(), Shard{partition, 0, 0},
                       [](const Shard& a, const Shard& b) { return a.partition < b.partition; });
  return {first, last};
}

std::string print_splits(const SplitTable& splits) {
  std::string text = std::to_string(splits.splits().size());
  for (const Split& split : splits.splits()) {
    text += ' ';
    print_hash(split.ns, text);
    text += ':' + std::to_string(split.degree);
  }
  return text;
}

Result<SplitTable> parse_splits(std::string_view text) {
  std::vector<Split> splits;
  const std::string_view whole = text;
  text.remove_prefix(std::min(text.find(' '), text.size()));
  while (!text.empty() && splits.size() < kSplitsMax) {
    Split split;
    if (text.size() < kHashDigits + 3) break;
    const char* const digits = text.data() + 1;
    const auto [end, error] = std::from_chars(digits, digits + kHashDigits, split.ns, 16);
    if (error != std::errc() || end != digits + kHashDigits) break;
    split.degree = static_cast<unsigned>(text[kHashDigits + 2] - '0');
    text.remove_prefix(kHashDigits + 3);
    splits.push_back(split);
  }
  SplitTable table(std::move(splits));
  if (print_splits(table) != whole) return Status::invalid("a table of splits that cannot be read");
  return table;
}

SlotSet Territory::slots_of(uint64_t ns_hash) const noexcept {
  const unsigned degree = splits == nullptr ? 0 : splits->degree_of(ns_hash);
  if (degree == 0) return partitions.test(home_of(ns_hash)) ? kAllSlots : 0;
  SlotSet slots = 0;
  for (unsigned shard = 0; shard < 1U << degree; ++shard) {
    if (partitions.test(partition_of_shard(ns_hash, shard))) slots |= slots_of_shard(degree, shard);
  }
  return slots;
}

}  // namespace ferro::node::model
