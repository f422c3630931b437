#include "common/crypto/random.h"

#include <gtest/gtest.h>

namespace ferro::crypto {
namespace {

TEST(RandomTest, EveryBitComesBothWays) {
  uint64_t any = 0, all = ~uint64_t{0};
  for (int i = 0; i < 200; ++i) {  // a bit that stays the same for 200 fair draws: one chance in 10^58
    const uint64_t bits = random_u64();
    any |= bits;
    all &= bits;
  }
  EXPECT_EQ(any, ~uint64_t{0});
  EXPECT_EQ(all, 0U);
}

}  // namespace
}  // namespace ferro::crypto
