#include "node/cluster/peers/transit.h"

#include <gtest/gtest.h>

namespace ferro::node::cluster {
namespace {

TEST(TransitTest, WhatTakesLongerThanTheQuickestIsLate) {
  Transit transit;
  EXPECT_EQ(transit.late_ms(5000, 105), 0);  // clocks that have nothing in common
  EXPECT_EQ(transit.late_ms(5010, 115), 0);
  EXPECT_EQ(transit.late_ms(5020, 165), 40);
  EXPECT_EQ(transit.late_ms(5100, 195), 0);  // quicker than all before
  EXPECT_EQ(transit.late_ms(5200, 305), 10);
}

TEST(TransitTest, ClocksThatPartMakeNothingLate) {
  Transit transit;
  const int64_t day_ms = 86'400'000;
  for (int64_t now_ms = 0; now_ms < day_ms; now_ms += 60'000) {
    const auto sent_ms = static_cast<uint64_t>(1'000'000 + now_ms - now_ms / 10'000);  // 100 ppm slow
    EXPECT_LE(transit.late_ms(sent_ms, now_ms), 6) << now_ms;
  }
}

TEST(TransitTest, TimesOutOfAllReasonAreOnlyLate) {
  Transit transit;
  EXPECT_EQ(transit.late_ms(uint64_t{1} << 61, 1000), 0);
  EXPECT_GT(transit.late_ms(0, 1000), int64_t{1} << 60);
}

}  // namespace
}  // namespace ferro::node::cluster
