// Cuts a scripted workload at every file operation, and fails each write and each sync once, under many
// patterns of lost and torn writes; what comes back has to agree with the model of crash_driver.h.
#include <gtest/gtest.h>

#include "tests/unit/node/wal/crash_driver.h"

namespace ferro::node::wal {
namespace {

constexpr int kSteps = 25;

// How many file operations the workload of this seed takes when nothing fails.
uint64_t operations_of(uint64_t seed) {
  CrashDriver driver(seed);
  std::string problem;
  EXPECT_TRUE(driver.open(problem)) << problem;
  EXPECT_TRUE(driver.work(kSteps)) << driver.failure().to_string();
  return driver.fs().operations();
}

// Restarts until an open succeeds; crashes in the middle of the first recoveries, too.
bool recover(CrashDriver& driver, std::mt19937_64& random, int crashes_in_recovery, std::string& problem) {
  for (int attempt = 0; attempt <= crashes_in_recovery; ++attempt) {
    driver.restart_machine(random() % 3 != 0);
    if (attempt < crashes_in_recovery) driver.fs().crash_at(1 + random() % 12);
    if (driver.open(problem) && !driver.fs().crashed()) {
      driver.fs().crash_at(0);
      return true;
    }
    if (!problem.empty()) return false;
  }
  problem = "no open succeeded";
  return false;
}

void cut_everywhere(uint64_t seed) {
  const uint64_t operations = operations_of(seed);
  for (uint64_t cut = 1; cut <= operations; ++cut) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", cut at operation " + std::to_string(cut));
    std::mt19937_64 random(seed * 1000003 + cut);
    CrashDriver driver(seed);
    std::string problem;
    driver.fs().crash_at(cut);
    if (driver.open(problem)) driver.work(kSteps);
    ASSERT_EQ(problem, "");
    for (int life = 0; life < 3; ++life) {
      ASSERT_TRUE(recover(driver, random, static_cast<int>(random() % 3), problem)) << problem;
      driver.fs().crash_at(driver.fs().operations() + 1 + random() % 60);
      driver.work(8);
    }
    ASSERT_TRUE(recover(driver, random, 0, problem)) << problem;
  }
}

TEST(WalCrash, EveryAcknowledgedRecordSurvivesACutAtAnyOperation) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    cut_everywhere(seed);
    if (HasFatalFailure()) return;
  }
}

enum class Fault { write_fails, disk_full_in_write, sync_fails };

void inject(CrashDriver& driver, Fault fault, uint64_t nth) {
  if (fault == Fault::write_fails) driver.fs().fail_write(nth);
  if (fault == Fault::disk_full_in_write) driver.fs().fail_write(nth, StatusCode::no_space);
  if (fault == Fault::sync_fails)
    driver.fs().fail_sync(nth, nth % 2 == 0 ? StatusCode::io_error : StatusCode::no_space);
}

// Fails the nth write or sync, then demands what health() promises, a restart and a second life.
void fail_once(Fault fault, uint64_t seed, uint64_t nth, bool& reached) {
  std::mt19937_64 random(seed * 7919 + nth);
  CrashDriver driver(seed);
  std::string problem;
  ASSERT_TRUE(driver.open(problem)) << problem;
  inject(driver, fault, nth);
  reached = !driver.work(kSteps);
  if (reached) {
    const Status health = driver.wal().health();
    const bool resumed = driver.wal().try_resume().ok();
    if (health.code() == StatusCode::no_space) {
      // Met by a write, or by the sync of a file that was not yet part of the log. The disk has room again:
      // no restart needed, and the refused append has left no trace.
      ASSERT_TRUE(resumed) << health.to_string();
      driver.forget_doubts();
      ASSERT_TRUE(driver.work(kSteps)) << driver.failure().to_string();
    } else if (!health.ok()) {
      // Fail stop: no later write, resume or release succeeds.
      ASSERT_FALSE(resumed);
      ASSERT_EQ(driver.wal().append(std::vector<std::string>{"x"}).status(), health);
      ASSERT_EQ(driver.wal().rotate().status(), health);
      ASSERT_EQ(driver.wal().release(1), health);
      ASSERT_EQ(driver.wal().health(), health);
    }
  }
  for (int life = 0; life < 2; ++life) {
    ASSERT_TRUE(recover(driver, random, static_cast<int>(random() % 2), problem)) << problem;
    ASSERT_TRUE(driver.work(6)) << driver.failure().to_string();
  }
  ASSERT_TRUE(recover(driver, random, 0, problem)) << problem;
}

void fail_everywhere(Fault fault) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    bool reached = true;
    for (uint64_t nth = 1; reached; ++nth) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", fault at event " + std::to_string(nth));
      fail_once(fault, seed, nth, reached);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(WalCrash, AFailedWriteStopsTheLogAndLosesNothing) {
  fail_everywhere(Fault::write_fails);
}
TEST(WalCrash, AFullDiskDuringAWriteIsResumedFromWithoutATrace) {
  fail_everywhere(Fault::disk_full_in_write);
}
TEST(WalCrash, AFailedSyncStopsTheLogAndLosesNothing) {
  fail_everywhere(Fault::sync_fails);
}

TEST(WalCrash, AFullDiskRefusesWritesUntilThereIsRoom) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    CrashDriver driver(seed);
    std::string problem;
    ASSERT_TRUE(driver.open(problem)) << problem;
    driver.fs().set_capacity(9000 + random() % 3000);
    for (int round = 0; round < 3; ++round) {
      while (driver.append(1 + random() % 3, random() % 400)) {
      }
      ASSERT_EQ(driver.failure().code(), StatusCode::no_space);
      ASSERT_EQ(driver.wal().health().code(), StatusCode::no_space);
      ASSERT_EQ(driver.wal().append(std::vector<std::string>{"x"}).status().code(), StatusCode::no_space);
      driver.forget_doubts();
      ASSERT_FALSE(driver.wal().try_resume().ok());
      if (random() % 2 == 0) {  // a restart on the full disk: everything is there, writing is still refused
        driver.restart_machine(random() % 2 == 0);
        ASSERT_TRUE(driver.open(problem)) << problem;
      }
      driver.fs().set_capacity(1 << 20);
      ASSERT_TRUE(driver.wal().try_resume().ok());
      ASSERT_TRUE(driver.work(3)) << driver.failure().to_string();
      driver.fs().set_capacity(9000 + random() % 3000);
    }
    driver.fs().set_capacity(1 << 20);
    ASSERT_TRUE(recover(driver, random, 1, problem)) << problem;
  }
}

TEST(WalCrash, AStartOnAFullDiskSucceedsAndWritesWait) {
  CrashDriver driver(2);
  std::string problem;
  driver.fs().set_capacity(100);
  ASSERT_TRUE(driver.open(problem)) << problem;
  EXPECT_EQ(driver.wal().health().code(), StatusCode::no_space);
  EXPECT_FALSE(driver.append(1, 10));
  EXPECT_EQ(driver.wal().try_resume().code(), StatusCode::no_space);
  EXPECT_TRUE(driver.wal().release(0).ok());
  driver.forget_doubts();
  driver.fs().set_capacity(1 << 20);
  ASSERT_TRUE(driver.wal().try_resume().ok());
  ASSERT_TRUE(driver.append(3, 10)) << driver.failure().to_string();
  driver.restart_machine(true);
  ASSERT_TRUE(driver.open(problem)) << problem;
  EXPECT_EQ(driver.acknowledged(), 3U);
}

TEST(WalCrash, ReleasingMakesRoomOnAFullDisk) {
  CrashDriver driver(3);
  std::string problem;
  ASSERT_TRUE(driver.open(problem)) << problem;
  driver.fs().set_capacity(4 * 2048);
  while (driver.append(1, 400)) {
  }
  ASSERT_EQ(driver.wal().health().code(), StatusCode::no_space);
  // The engine has a snapshot of all there is; the closed segments go, and one of them is written again.
  ASSERT_TRUE(driver.wal().release(driver.acknowledged()).ok());
  ASSERT_TRUE(driver.wal().try_resume().ok());
  EXPECT_TRUE(driver.append(1, 400)) << driver.failure().to_string();
}

TEST(WalCrash, AHugeRecordThatDoesNotFitDoesNotEatTheDiskByRetries) {
  CrashDriver driver(4);
  std::string problem;
  ASSERT_TRUE(driver.open(problem)) << problem;
  ASSERT_TRUE(driver.append(1, 100));
  driver.fs().set_capacity(20'000);
  for (int i = 0; i < 10; ++i) {
    ASSERT_FALSE(driver.append(1, 50'000));
    ASSERT_EQ(driver.failure().code(), StatusCode::no_space);
    driver.forget_doubts();
    ASSERT_TRUE(driver.wal().try_resume().ok());
  }
  EXPECT_LE(driver.wal().stats().segments.load(), 2U);
  EXPECT_TRUE(driver.append(1, 100)) << driver.failure().to_string();
}

}  // namespace
}  // namespace ferro::node::wal
