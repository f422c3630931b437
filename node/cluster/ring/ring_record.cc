#include "node/cluster/ring/ring_record.h"

#include <charconv>
#include <utility>

#include "node/cluster/wire/gossip.h"

namespace ferro::node::cluster {
namespace {

constexpr uint64_t kFormat = 1;
constexpr uint64_t kFormatWithSplits = 2;
constexpr size_t kMemberBytesMin = 5;  // " 1 1:a" without the first blank

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // Decimal, without sign or leading zeros, at most `max`, then `end` (0: nothing in particular).
  bool number(uint64_t max, char end, uint64_t& out) {
    const auto [stop, error] = std::from_chars(text_.data(), text_.data() + text_.size(), out);
    if (error != std::errc() || out > max) return false;
    const auto length = static_cast<size_t>(stop - text_.data());
    if (text_[0] == '0' && length > 1) return false;
    text_.remove_prefix(length);
    return end == 0 || literal(end);
  }
  bool literal(char expected) {
    if (text_.empty() || text_[0] != expected) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool bytes(size_t length, std::string& out) {
    if (text_.size() < length) return false;
    out = text_.substr(0, length);
    text_.remove_prefix(length);
    return true;
  }
  size_t left() const noexcept { return text_.size(); }
  std::string_view rest() { return std::exchange(text_, std::string_view()); }

 private:
  std::string_view text_;
};

bool read_member(Reader& reader, RingMember& member) {
  uint64_t weight = 0;
  uint64_t length = 0;
  if (!reader.literal(' ') || !reader.number(kRingWeightMax, ' ', weight) || weight == 0) return false;
  if (!reader.number(kRingIdBytesMax, ':', length) || length == 0) return false;
  member.weight = static_cast<uint32_t>(weight);
  return reader.bytes(length, member.id);
}

}  // namespace

std::string encode_ring(const RingRecord& ring) {
  std::string text = std::to_string(ring.splits.empty() ? kFormat : kFormatWithSplits) + ' ' +
                     std::to_string(ring.epoch) + ' ' + std::to_string(ring.factor) + ' ' +
                     std::to_string(ring.members.size());
  for (const RingMember& member : ring.members) {
    text += ' ' + std::to_string(member.weight) + ' ' + std::to_string(member.id.size()) + ':' + member.id;
  }
  if (!ring.splits.empty()) text += ' ' + model::print_splits(ring.splits);
  return text;
}

bool fits_into_gossip(const RingRecord& ring) {
  return ring.members.size() <= kRingMembersMax && encode_ring(ring).size() <= kGossipValueBytesMax;
}

Result<RingRecord> decode_ring(std::string_view text) {
  Reader reader(text);
  uint64_t format = 0;
  if (!reader.number(UINT64_MAX, ' ', format)) return Status::invalid("not a ring");
  if (format != kFormat && format != kFormatWithSplits)
    return Status::invalid("a ring of format " + std::to_string(format));
  RingRecord ring;
  uint64_t factor = 0;
  uint64_t count = 0;
  if (!reader.number(kRingEpochMax, ' ', ring.epoch) || ring.epoch == 0 ||
      !reader.number(kRingFactorMax, ' ', factor) || factor == 0 ||
      !reader.number(kRingMembersMax, 0, count) || count == 0 || count > reader.left() / kMemberBytesMin) {
    return Status::invalid("a ring whose epoch, factor or number of members makes no sense");
  }
  ring.factor = factor;
  ring.members.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    RingMember member;
    if (!read_member(reader, member)) return Status::invalid("a ring's member that cannot be read");
    if (!ring.members.empty() && ring.members.back().id >= member.id) {
      return Status::invalid("a ring's members that are not sorted");
    }
    ring.members.push_back(std::move(member));
  }
  if (format == kFormatWithSplits) {
    if (!reader.literal(' ')) return Status::invalid("a ring without its splits");
    FERRO_ASSIGN_OR_RETURN(ring.splits, model::parse_splits(reader.rest()));
    if (ring.splits.empty()) return Status::invalid("a ring without its splits");
  }
  if (reader.left() != 0) return Status::invalid("bytes after a ring");
  return ring;
}

}  // namespace ferro::node::cluster
