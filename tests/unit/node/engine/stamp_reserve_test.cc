// What a node's next life may stamp: after a stop, a kill, a power cut; with the clock left alone, set back,
// set forward; by all of which no stamp comes twice, and a killed node is not ahead of its clock.
#include "node/engine/stamp_reserve.h"

#include <gmock/gmock.h>

#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "tests/fakes/faulty_file_system.h"
#include "tests/fakes/seed.h"

namespace ferro::node::engine {
namespace {

using ::testing::HasSubstr;

constexpr const char* kFile = "/data/STAMPS";
constexpr uint32_t kNode = 9;

class StampReserveTest : public ::testing::Test {
 protected:
  StampReserveTest() {
    EXPECT_TRUE(fs_.create_directories("/data").ok());
    clock_.advance_ms(5000);
    start();
  }
  // A process begins, after whatever became of the one before.
  void start() {
    auto opened = StampReserve::open(fs_, clock_, "/data", boot_, false);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    reserve_ = *std::move(opened);
    hlc_ = std::make_unique<HlcClock>(clock_, kNode);
    hlc_->observe(reserve_->used());
  }
  void boot_machine() {
    boot_ += "'";
    const int64_t wall_ms = clock_.wall_ms();
    clock_.advance_ms(-clock_.steady_ns() / 1'000'000);
    clock_.set_wall_ms(wall_ms);
    start();
  }
  void step_clock(int64_t by_ms) { clock_.set_wall_ms(clock_.wall_ms() + by_ms); }
  Hlc decide() {
    const Hlc stamp = hlc_->next();
    EXPECT_TRUE(reserve_->cover(stamp).ok());
    return stamp;
  }
  // Of what the next life stamps, against its clock.
  int64_t ahead_ms() { return reserve_->used().wall_ms() - clock_.wall_ms(); }

  tests::fakes::FaultyFileSystem fs_{1};
  ManualClock clock_;
  std::string boot_ = "0b6ec1a2-8f43-4d0e-9a57-3c1d2e4f5061";
  std::optional<StampReserve> reserve_;
  std::unique_ptr<HlcClock> hlc_;
};

TEST_F(StampReserveTest, NothingIsReservedInANewFolder) {
  EXPECT_EQ(reserve_->used().ticks, 0U);
}

TEST_F(StampReserveTest, AKilledNodeGoesOnFromItsClock) {
  const Hlc last = decide();
  start();
  EXPECT_GE(reserve_->used().ticks, last.ticks) << "restarted within the millisecond";
  EXPECT_EQ(ahead_ms(), 0);
  clock_.advance_ms(1);
  EXPECT_EQ(hlc_->next().wall_ms(), clock_.wall_ms());
  clock_.advance_ms(3'600'000);
  start();
  EXPECT_LE(ahead_ms(), 0);
}

TEST_F(StampReserveTest, AKilledNodeWhoseClockWasSetBackGoesOnFromItsLastStamp) {
  const Hlc last = decide();
  step_clock(-3'600'000);
  start();
  EXPECT_GE(reserve_->used().ticks, last.ticks);
  EXPECT_EQ(reserve_->used().wall_ms(), last.wall_ms());
  clock_.advance_ms(5000);
  start();
  EXPECT_LE(reserve_->used().wall_ms(), last.wall_ms() + 5000)
      << "as late as it may have been when it was killed";
}

TEST_F(StampReserveTest, AClockThatJumpedForwardAndBackWhileItRanIsNotForgotten) {
  decide();
  step_clock(8000);  // within what is reserved
  const Hlc ahead = decide();
  step_clock(-8000);
  clock_.advance_ms(100);
  start();
  EXPECT_GE(reserve_->used().ticks, ahead.ticks);
  EXPECT_LE(ahead_ms(), 8000);
}

TEST_F(StampReserveTest, StampsAheadOfTheClockAreForgottenWhenTheClockHasPassedThem) {
  decide();
  hlc_->observe({static_cast<uint64_t>(clock_.wall_ms() + 400) << 16, 1});
  const Hlc ahead = decide();
  start();
  EXPECT_GE(reserve_->used().ticks, ahead.ticks);
  EXPECT_EQ(ahead_ms(), 400);
  for (int second = 0; second < 12; ++second) {
    clock_.advance_ms(1000);
    decide();
  }
  start();
  EXPECT_EQ(ahead_ms(), 0);
}

TEST_F(StampReserveTest, AMachineStartedAnewCannotKnowWhetherItsClockWasSetBack) {
  const Hlc last = decide();
  clock_.advance_ms(3000);
  boot_machine();
  EXPECT_EQ(reserve_->used().ticks, last.ticks + (static_cast<uint64_t>(StampReserve::kAheadMs) << 16));
  EXPECT_EQ(ahead_ms(), StampReserve::kAheadMs - 3000);
  clock_.advance_ms(StampReserve::kAheadMs);
  boot_machine();
  EXPECT_LT(ahead_ms(), 0) << "the clock is past it";
}

TEST_F(StampReserveTest, AnUnknownBootIsAnotherOne) {
  for (const char* unknown :
       {"", "two words", "a\nline", "0123456789012345678901234567890123456789012345678901234567890123x"}) {
    boot_ = unknown;
    start();
    const Hlc last = decide();
    start();
    EXPECT_GT(reserve_->used().ticks, last.ticks) << unknown;
    EXPECT_THAT(fs_.content(kFile), HasSubstr("\nboot \n"));
  }
}

TEST_F(StampReserveTest, ASteadyClockThatWentBackIsOfAnotherBoot) {
  const Hlc last = decide();
  const int64_t wall_ms = clock_.wall_ms();
  clock_.advance_ms(-2000);
  clock_.set_wall_ms(wall_ms);
  start();
  EXPECT_EQ(reserve_->used().wall_ms(), last.wall_ms() + StampReserve::kAheadMs);
}

TEST_F(StampReserveTest, AfterAStopInOrderNothingIsLeftOut) {
  const Hlc last = decide();
  reserve_->settle(last);
  boot_machine();
  EXPECT_EQ(reserve_->used().ticks, last.ticks);
}

// The bytes as every later version reads them.
TEST_F(StampReserveTest, TheFileIsAsTheFormatSays) {
  const std::string content =
      "ferrocache stamps 1\n"
      "upto 111411200983040000\n"
      "ahead_of_steady_ms 1700000000000\n"
      "written_at_steady_ms 5000\n"
      "boot 0b6ec1a2-8f43-4d0e-9a57-3c1d2e4f5061\n"
      "crc32c b1f3aada\n";
  decide();
  EXPECT_EQ(fs_.content(kFile), content);
  fs_.set_content(kFile, content);
  start();
  EXPECT_EQ(reserve_->used().wall_ms(), 1'700'000'005'000);
}

TEST_F(StampReserveTest, ADamagedFileIsRefused) {
  decide();
  const std::string good = fs_.content(kFile);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    fs_.set_content(kFile, bad);
    EXPECT_EQ(StampReserve::open(fs_, clock_, "/data", boot_, false).status().code(), StatusCode::data_loss)
        << bad;
    fs_.set_content(kFile, good.substr(0, at));
    EXPECT_EQ(StampReserve::open(fs_, clock_, "/data", boot_, false).status().code(), StatusCode::data_loss)
        << at;
  }
  EXPECT_TRUE(StampReserve::open(fs_, clock_, "/data", boot_, true).ok());
}

// Others whose clocks are some milliseconds ahead make this node's stamps lead by a little more now and then.
TEST_F(StampReserveTest, StampsOfOthersThatAreSlightlyAheadDoNotWriteTheFileEveryTime) {
  std::mt19937_64 random(fakes::test_seed());
  size_t written = 0;
  std::string before;
  for (int i = 0; i < 60'000; i += 10) {
    clock_.advance_ms(10);
    hlc_->observe({static_cast<uint64_t>(clock_.wall_ms() + static_cast<int64_t>(random() % 40)) << 16, 1});
    decide();
    if (reserve_->running_short(hlc_->latest())) {
      ASSERT_TRUE(reserve_->extend(hlc_->latest()).ok());
    }
    const std::string now = fs_.content(kFile);
    written += now != before ? 1 : 0;
    before = now;
  }
  EXPECT_LE(written, 60U) << "once every five seconds, and for each of 40 leads the first time";
}

// Whatever happens: no life issues a stamp up to one that left before.
TEST_F(StampReserveTest, NoStampLeavesTwiceWhateverHappens) {
  const uint64_t seed = fakes::test_seed();
  for (uint64_t run = 0; run < 200; ++run) {
    SCOPED_TRACE("seed " + std::to_string(seed + run));
    std::mt19937_64 random(seed + run);
    Hlc newest;
    for (int step = 0; step < 300 && !HasFailure(); ++step) {
      constexpr std::array<int64_t, 6> kSteps{1, 50, 900, 9'000, 11'000, 600'000};
      const int64_t amount = kSteps.at(random() % kSteps.size());
      switch (random() % 12) {
        case 0:
          start();
          break;
        case 1:
          boot_machine();
          break;
        case 2:
          step_clock(random() % 2 == 0 ? amount : -amount);
          break;
        case 3:
          reserve_->settle(hlc_->latest());
          start();
          break;
        case 4:
          hlc_->observe({static_cast<uint64_t>(clock_.wall_ms() + amount % 60'000) << 16, 1});
          break;
        case 5:
          clock_.advance_ms(amount);
          break;
        default: {
          const Hlc stamp = decide();
          ASSERT_GT(stamp.ticks, newest.ticks) << "step " << step;
          newest = stamp;
          if (reserve_->running_short(stamp)) {
            ASSERT_TRUE(reserve_->extend(stamp).ok());
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace ferro::node::engine
