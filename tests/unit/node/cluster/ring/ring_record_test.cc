#include "node/cluster/ring/ring_record.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace ferro::node::cluster {
namespace {

TEST(RingRecord, IsReadableText) {
  const RingRecord ring{7, {{"a", 64}, {"node b", 128}}, 2};
  EXPECT_EQ(encode_ring(ring), "1 7 2 2 64 1:a 128 6:node b");
  EXPECT_EQ(*decode_ring(encode_ring(ring)), ring);
}

TEST(RingRecord, WithSplitsItIsOfAnotherFormat) {
  const RingRecord ring{7, {{"a", 64}}, 2, model::SplitTable({{0xabc, 3}})};
  EXPECT_EQ(encode_ring(ring), "2 7 2 1 64 1:a 1 0000000000000abc:3");
  EXPECT_EQ(*decode_ring(encode_ring(ring)), ring);
}

TEST(RingRecord, RefusesWhatIsNoRing) {
  for (const char* text : {"",
                           "1",
                           "1 ",
                           "2 7 2 1 64 1:a",
                           "2 7 2 1 64 1:a 0",
                           "2 7 2 1 64 1:a 1 0000000000000abc:9",
                           "1 7 2 1 64 1:a 1 0000000000000abc:3",
                           "3 7 2 1 64 1:a 1 0000000000000abc:3",
                           "1 0 2 1 64 1:a",
                           "1 7 0 1 64 1:a",
                           "1 7 99 1 64 1:a",
                           "1 7 2 0",
                           "1 7 2 2 64 1:a",
                           "1 7 2 1 0 1:a",
                           "1 7 2 1 64 2:a",
                           "1 7 2 1 64 0:",
                           "1 7 2 1 64 1:a ",
                           "1 7 2 2 64 1:b 64 1:a",
                           "1 7 2 2 64 1:a 64 1:a",
                           "1 7 2 1000000 64 1:a",
                           "1 07 2 1 64 1:a",
                           "1 -7 2 1 64 1:a",
                           "1 18446744073709551616 2 1 64 1:a",
                           "1 18446744073709551615 2 1 64 1:a"}) {
    const auto ring = decode_ring(text);
    ASSERT_FALSE(ring.ok()) << text;
    EXPECT_EQ(ring.status().code(), StatusCode::invalid_argument);
  }
}

TEST(RingRecord, RandomRingsComeBackAndDamagedOnesAreRingsOrRefused) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    RingRecord ring{1 + random() % kRingEpochMax, {}, 1 + random() % kRingFactorMax};
    for (uint64_t i = 0; i <= random() % 20; ++i) {
      std::string id = std::to_string(100 + i);
      for (uint64_t extra = random() % 20; extra > 0; --extra) id += static_cast<char>(random());
      ring.members.push_back({std::move(id), static_cast<uint32_t>(1 + random() % kRingWeightMax)});
    }
    std::string text = encode_ring(ring);
    ASSERT_EQ(*decode_ring(text), ring);
    text[random() % text.size()] = static_cast<char>(random());
    const auto damaged = decode_ring(text);
    if (damaged.ok()) {
      EXPECT_EQ(encode_ring(*damaged), text);
    }
    EXPECT_FALSE(decode_ring(std::string_view(text).substr(0, random() % text.size())).ok() &&
                 ring.members.size() > 1);
  }
}

}  // namespace
}  // namespace ferro::node::cluster
