#include "common/time/hlc.h"

#include <gtest/gtest.h>

namespace ferro {
namespace {

TEST(HlcClock, RisesWithinOneMillisecondAndWhenTheClockGoesBack) {
  ManualClock clock(1000);
  HlcClock hlc(clock, 7);
  Hlc last = hlc.next();
  EXPECT_EQ(last.wall_ms(), 1000);
  for (int i = 0; i < 100'000; ++i) {
    if (i % 1000 == 0) clock.advance_ms(i % 2000 == 0 ? -5 : 3);
    const Hlc next = hlc.next();
    ASSERT_GT(next, last);
    last = next;
  }
}

TEST(HlcClock, NeverIssuesAtOrBelowWhatItHasSeen) {
  ManualClock clock(1000);
  HlcClock hlc(clock, 7);
  hlc.observe({uint64_t{5000} << 16, 9});
  EXPECT_GT(hlc.next().ticks, uint64_t{5000} << 16);
}

}  // namespace
}  // namespace ferro
