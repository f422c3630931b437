#include "operator/api/cron.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

#include "operator/api/units.h"

namespace ferro::oper::api {
namespace {

int64_t at(const char* text) {
  return parse_time(text).value();
}

CronSchedule schedule(const std::string& text) {
  Result<CronSchedule> result = CronSchedule::parse(text);
  EXPECT_TRUE(result.ok()) << text << ": " << result.status().message();
  return *std::move(result);
}

TEST(Cron, TheDefaultFiresAtThree) {
  const CronSchedule daily = schedule("0 3 * * *");
  EXPECT_EQ(daily.next_after(at("2026-07-01T02:59:59Z")), at("2026-07-01T03:00:00Z"));
  EXPECT_EQ(daily.next_after(at("2026-07-01T03:00:00Z")), at("2026-07-02T03:00:00Z")) << "strictly after";
  EXPECT_EQ(daily.last_at(at("2026-07-01T03:00:00Z")), at("2026-07-01T03:00:00Z")) << "at or before";
  EXPECT_EQ(daily.last_at(at("2026-07-01T02:59:59Z")), at("2026-06-30T03:00:00Z"));
}

TEST(Cron, ListsRangesStepsNames) {
  EXPECT_EQ(schedule("*/15 * * * *").next_after(at("2026-07-01T03:01:00Z")), at("2026-07-01T03:15:00Z"));
  EXPECT_EQ(schedule("5/20 * * * *").next_after(at("2026-07-01T03:06:00Z")), at("2026-07-01T03:25:00Z"));
  EXPECT_EQ(schedule("0 9-17/4 * * *").next_after(at("2026-07-01T10:00:00Z")), at("2026-07-01T13:00:00Z"));
  EXPECT_EQ(schedule("30 1,13 * * *").next_after(at("2026-07-01T02:00:00Z")), at("2026-07-01T13:30:00Z"));
  EXPECT_EQ(schedule("0 0 1 JAN *").next_after(at("2026-07-01T00:00:00Z")), at("2027-01-01T00:00:00Z"));
  // 2026-07-05 is a Sunday.
  EXPECT_EQ(schedule("0 0 * * sun").next_after(at("2026-07-01T00:00:00Z")), at("2026-07-05T00:00:00Z"));
  EXPECT_EQ(schedule("0 0 * * 7").next_after(at("2026-07-01T00:00:00Z")), at("2026-07-05T00:00:00Z"));
}

TEST(Cron, TwoRestrictedDayFieldsMeanEither) {
  // 2026-07-06 is a Monday.
  EXPECT_EQ(schedule("0 0 13 * MON").next_after(at("2026-07-02T00:00:00Z")), at("2026-07-06T00:00:00Z"));
  EXPECT_EQ(schedule("0 0 3 * MON").next_after(at("2026-07-02T00:00:00Z")), at("2026-07-03T00:00:00Z"));
}

TEST(Cron, ALeapDayIsWaitedForOverACenturyWithoutOne) {
  const CronSchedule leap = schedule("0 0 29 2 *");
  EXPECT_EQ(leap.next_after(at("2096-03-01T00:00:00Z")), at("2104-02-29T00:00:00Z"));
  EXPECT_EQ(leap.last_at(at("2104-02-28T00:00:00Z")), at("2096-02-29T00:00:00Z"));
}

TEST(Cron, WhatIsNone) {
  for (const char* text : {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
                           "* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a * * * *",
                           "1,,2 * * * *", "-1 * * * *", "@daily", "* * * FOO *", "1- * * * *", "*/ * * * *"})
    EXPECT_FALSE(CronSchedule::parse(text).ok()) << text;
  EXPECT_NE(CronSchedule::parse("0 0 30 2 *").status().message().find("never comes"), std::string::npos);
  EXPECT_NE(CronSchedule::parse("0 25 * * *").status().message().find("hour"), std::string::npos);
}

// Against the plainest reading: try every minute.
TEST(Cron, AgreesWithTryingEveryMinute) {
  std::mt19937 random(11);  // NOLINT: a fixed seed replays
  const auto field = [&](int least, int most) -> std::string {
    const auto value = [&] {
      return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
    };
    switch (random() % 4) {
      case 0:
        return "*";
      case 1:
        return std::to_string(value());
      case 2: {
        const int a = value(), b = value();
        return std::to_string(std::min(a, b)) + "-" + std::to_string(std::max(a, b));
      }
      default:
        return "*/" + std::to_string(1 + random() % 10);
    }
  };
  for (int i = 0; i < 60; ++i) {
    const std::string text =
        field(0, 59) + " " + field(0, 23) + " " + field(1, 28) + " " + "*" + " " + field(0, 6);
    const CronSchedule cron = schedule(text);
    const int64_t start = at("2026-01-01T00:00:00Z") + static_cast<int64_t>(random() % 40'000'000);
    const int64_t next = cron.next_after(start);
    // A firing is a fixed point of last_at; between two firings there is none.
    EXPECT_EQ(cron.last_at(next), next) << text;
    EXPECT_LE(cron.last_at(next - 1), start) << text;
    for (int64_t minute = (start / 60 + 1) * 60; minute < std::min(next, start + 100'000); minute += 60)
      ASSERT_NE(cron.last_at(minute), minute) << text << " at " << time_text(minute);
  }
}

}  // namespace
}  // namespace ferro::oper::api
