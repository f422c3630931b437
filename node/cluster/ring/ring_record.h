// A ring as it is gossiped (`ring`) and kept on disk: who owns partitions, and the how manieth agreement on
// that it is. Values.
//
// Text, so that an operator can read it: `1 <epoch> <factor> <count>` and for each member
// ` <weight> <length>:<id>`, sorted by id. The first number is the version of this format: 2 where namespaces
// are split, and then a blank and model::print_splits() end it. Who does not know splits cannot read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "node/cluster/placement/placement.h"

namespace ferro::node::cluster {

inline constexpr size_t kRingMembersMax = 1000;  // kGossipMembersMax
inline constexpr size_t kRingFactorMax = 16;     // above any replication_factor
inline constexpr uint32_t kRingWeightMax = 65'536;
inline constexpr size_t kRingIdBytesMax = 256;
inline constexpr uint64_t kRingEpochMax = uint64_t{1} << 62;  // from elsewhere: there is always a next one

struct RingRecord {
  uint64_t epoch = 0;               // 0: none
  std::vector<RingMember> members;  // by id, unique
  size_t factor = 1;
  model::SplitTable splits = {};
  friend bool operator==(const RingRecord&, const RingRecord&) = default;
};

std::string encode_ring(const RingRecord& ring);
// One gossiped value holds it: some 380 members with ids of 36 characters.
bool fits_into_gossip(const RingRecord& ring);
// invalid_argument with the reason; what it allocates is bounded by the text.
Result<RingRecord> decode_ring(std::string_view text);

}  // namespace ferro::node::cluster
