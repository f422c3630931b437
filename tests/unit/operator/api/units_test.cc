#include "operator/api/units.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace ferro::oper::api {
namespace {

TEST(Quantity, UnitsAsKubernetesWritesThem) {
  const std::vector<std::pair<const char*, int64_t>> kWhole{
      {"0", 0},
      {"1", 1},
      {"10Gi", int64_t{10} << 30},
      {"1Ki", 1024},
      {"1.5Ki", 1536},
      {"1k", 1000},
      {"1M", 1'000'000},
      {"2E", 2'000'000'000'000'000'000},
      {"1e3", 1000},
      {"1E3", 1000},
      {"1E", 1'000'000'000'000'000'000},
      {"12e-1", 2},
      {"500m", 1},
      {"1000m", 1},
      {"1001m", 2},
      {".5", 1},
      {"5.", 5},
      {"+3", 3},
      {"-1500m", -1},
      {"1n", 1},
      {"7Ei", int64_t{7} << 60},
  };
  for (const auto& [text, expected] : kWhole) {
    const Result<int64_t> value = parse_quantity(text);
    ASSERT_TRUE(value.ok()) << text << ": " << value.status().message();
    EXPECT_EQ(*value, expected) << text;
  }
}

TEST(Quantity, WhatIsNone) {
  for (const char* text : {"", "G", "10 Gi", "1Gib", "1,5Gi", "--1", "1..2", "1e", "1e+-2", "1e99", "0x10",
                           "10Gi ", "NaN", "1ki", ".", "+"}) {
    EXPECT_FALSE(parse_quantity(text).ok()) << text;
  }
  EXPECT_FALSE(parse_quantity(std::string(200, '1')).ok());
  EXPECT_NE(parse_quantity("9Ei").status().message().find("too large"), std::string::npos);
}

TEST(Quantity, EqualAmountsAreEqualHoweverWritten) {
  const auto read = [](const char* text) { return *parse_exact_quantity(text); };
  EXPECT_EQ(read("1Gi"), read("1024Mi"));
  EXPECT_EQ(read("0.5"), read("500m"));
  EXPECT_EQ(read("1"), read("1000m"));
  EXPECT_EQ(read("1e3"), read("1k"));
  EXPECT_LT(read("999m"), read("1"));
  EXPECT_GT(read("1Gi"), read("1G"));
  EXPECT_EQ(read("0.0000000001"), read("1n")) << "finer than a billionth is rounded up";
}

TEST(Quantity, NeverDiesOnAnyText) {
  std::mt19937 random(7);  // NOLINT: a fixed seed replays
  const std::string alphabet = "0123456789.eEkKMGTPimnu+- ";
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (size_t n = random() % 12; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const Result<Quantity> value = parse_exact_quantity(text);
    EXPECT_TRUE(!value.ok() || value->rounded_up() <= std::numeric_limits<int64_t>::max());
  }
}

TEST(Duration, HoursMinutesSeconds) {
  EXPECT_EQ(*parse_duration_s("720h"), 720 * 3600);
  EXPECT_EQ(*parse_duration_s("1h30m"), 5400);
  EXPECT_EQ(*parse_duration_s("45s"), 45);
  EXPECT_EQ(*parse_duration_s("0s"), 0);
  EXPECT_EQ(*parse_duration_s("1h1s"), 3601);
  EXPECT_EQ(*parse_duration_s("87600h"), 87'600 * 3600);
  for (const char* text : {"", "1", "h", "1d", "1m1h", "1h1h", "-1h", "1.5h", "1h ", "1ms",
                           "99999999999999999999h", "87601h", "9223372036854775807s"})
    EXPECT_FALSE(parse_duration_s(text).ok()) << text;
}

TEST(Duration, TextIsReadBackAsTheSame) {
  for (const int64_t seconds :
       {int64_t{0}, int64_t{1}, int64_t{60}, int64_t{3600}, int64_t{5400}, int64_t{86'399}})
    EXPECT_EQ(*parse_duration_s(duration_text(seconds)), seconds);
  EXPECT_EQ(duration_text(5400), "1h30m");
}

TEST(Time, Rfc3339) {
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text(1'782'874'800), "2026-07-01T03:00:00Z");
  EXPECT_EQ(parse_time("2026-07-01T03:00:00Z"), 1'782'874'800);
  EXPECT_EQ(parse_time("2026-07-01T05:00:00+02:00"), 1'782'874'800);
  EXPECT_EQ(parse_time("2026-07-01T03:00:00.123456Z"), 1'782'874'800);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z"), 1'709'164'800);
  for (const char* text :
       {"", "2026-07-01", "2026-07-01T03:00:00", "2026-13-01T03:00:00Z", "2025-02-29T00:00:00Z",
        "2026-07-01T24:00:00Z", "2026-07-01T03:00:00.Z", "2026-07-01T03:00:00+0200", "x"})
    EXPECT_FALSE(parse_time(text).has_value()) << text;
}

}  // namespace
}  // namespace ferro::oper::api
