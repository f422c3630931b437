#include "node/api/float_array.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>

namespace ferro::node::api {
namespace {

struct Read {
  bool fine = false;
  std::vector<float> values;
};

Read read(std::string_view text, size_t count_max = 4096) {
  // The bytes behind the array are as unhelpful as can be.
  const std::string padded = std::string(text) + "99999999]" + std::string(kFloatArrayPadding, '9');
  Read result;
  result.fine = read_float_array(std::string_view(padded).substr(0, text.size()), count_max, result.values);
  return result;
}

int64_t ulps_apart(float a, float b) {
  const auto ordered = [](float value) {
    const auto bits = std::bit_cast<int32_t>(value);
    return bits < 0 ? int64_t{INT32_MIN} - bits : int64_t{bits};
  };
  return std::abs(ordered(a) - ordered(b));
}

TEST(FloatArray, ReadsEveryFormOfANumber) {
  for (const char* text : {"0",
                           "-0",
                           "1",
                           "-1",
                           "0.5",
                           "-0.5",
                           "1.25",
                           "9.999999999",
                           "0.1234567",
                           "0.12345678",
                           "0.123456789",
                           "0.1234567890123456",
                           "0.12345678901234567",
                           "0.123456789012345678901234567890",
                           "-0.0000000000000000012345",
                           "0.00000000000000000000000000000000000000000000001",
                           "1e0",
                           "1E5",
                           "1.5e-3",
                           "2.5E+3",
                           "3.4e38",
                           "-3.4028235e38",
                           "1e-45",
                           "1e-400",
                           "0e999999999999",
                           "12345.678",
                           "123456789012345678901234567890",
                           "10",
                           "100.001",
                           "0.0000001e7",
                           "7.0064923216240854e-46"}) {
    SCOPED_TRACE(text);
    const Read result = read("[" + std::string(text) + "]");
    ASSERT_TRUE(result.fine);
    ASSERT_EQ(result.values.size(), 1U);
    EXPECT_LE(ulps_apart(result.values[0], std::strtof(text, nullptr)), 1);
  }
}

TEST(FloatArray, RefusesWhatIsNoNumberOrDoesNotFit) {
  for (const char* text : {"",
                           "+1",
                           ".5",
                           "1.",
                           "1.e5",
                           "01",
                           "-01",
                           "00.5",
                           "-",
                           "--1",
                           "1e",
                           "1e+",
                           "0x10",
                           "1_0",
                           "nan",
                           "NaN",
                           "inf",
                           "1.5f",
                           "1 2",
                           "1..2",
                           "1.2.3",
                           "0.",
                           "-.5",
                           "1e5.5",
                           "1e39",
                           "-1e39",
                           "1e400",
                           "null",
                           "true",
                           "\"1\"",
                           "[1]",
                           "{}",
                           "1,",
                           ",1",
                           "1,,2",
                           "3.5e38",
                           "0.5a",
                           "0.123456789x",
                           "0.1234567890123456789x",
                           "340282360000000000000000000000000000000"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(read("[" + std::string(text) + "]").fine);
  }
  for (const char* text : {"", "[", "]", "1", "[1", "1]", "[1]]", "[1],", "[1}", "[]", "[ ]"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(read(text).fine);
  }
}

TEST(FloatArray, TakesJsonWhiteSpaceAndNoOther) {
  EXPECT_EQ(read("[ 1 ,\t2\r\n, 3\n]").values, (std::vector<float>{1, 2, 3}));
  EXPECT_FALSE(read("[1\v,2]").fine);
  EXPECT_FALSE(read("[1,\xC2\xA0 2]").fine);
}

TEST(FloatArray, StopsAtTheMostValues) {
  EXPECT_TRUE(read("[1,2,3]", 3).fine);
  EXPECT_FALSE(read("[1,2,3,4]", 3).fine);
}

TEST(FloatArray, AppendsOrLeavesAlone) {
  std::vector<float> values = {7.0F};
  const std::string good = "[1,2]" + std::string(kFloatArrayPadding, ' ');
  ASSERT_TRUE(read_float_array(std::string_view(good).substr(0, 5), 10, values));
  EXPECT_EQ(values, (std::vector<float>{7, 1, 2}));
  ASSERT_FALSE(read_float_array(std::string_view(good).substr(0, 4), 10, values));
  EXPECT_EQ(values, (std::vector<float>{7, 1, 2}));
}

// Against the C library, in the forms in which clients print floats.
TEST(FloatArray, AgreesWithTheCLibrary) {
  const uint64_t seed = 20260101;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::normal_distribution<double> usual(0.0, 0.05);
  for (int round = 0; round < 100'000; ++round) {
    const float value = round % 4 == 0 ? std::bit_cast<float>(static_cast<uint32_t>(random()))
                                       : static_cast<float>(usual(random));
    if (!std::isfinite(value)) continue;
    constexpr const char* kFormats[] = {"%.9g", "%.17g", "%.8f", "%.3f", "%.20f", "%.17e"};
    char text[400];
    std::snprintf(text, sizeof text, kFormats[random() % std::size(kFormats)], static_cast<double>(value));
    const Read result = read("[" + std::string(text) + "]");
    ASSERT_TRUE(result.fine) << text;
    ASSERT_LE(ulps_apart(result.values.at(0), std::strtof(text, nullptr)), 1) << text;
  }
}

TEST(JsonNumber, FollowsTheGrammar) {
  for (const char* good : {"0", "-0", "10", "1.5", "1e5", "1E+5", "1.5e-05", "-0.0e0"})
    EXPECT_TRUE(is_json_number(good));
  for (const char* bad : {"", "-", "+1", "01", "1.", ".1", "1e", "1e+", "e5", "1.5.5", "0x1", " 1", "1 "}) {
    EXPECT_FALSE(is_json_number(bad)) << bad;
  }
  EXPECT_TRUE(is_json_integer("-12"));
  EXPECT_FALSE(is_json_integer("1.0"));
  EXPECT_FALSE(is_json_integer("1e2"));
}

TEST(JsonNumber, TellsTooLargeFromTooSmall) {
  double value = 1.0;
  EXPECT_TRUE(read_double("1e-999", value));
  EXPECT_EQ(value, 0.0);
  EXPECT_TRUE(read_double("0." + std::string(400, '0') + "1", value));
  EXPECT_EQ(value, 0.0);
  EXPECT_TRUE(read_double("0." + std::string(400, '0') + "1e401", value));
  EXPECT_EQ(value, 1.0);
  EXPECT_FALSE(read_double("1e999", value));
  EXPECT_FALSE(read_double("1e99999999999999999999", value));
  EXPECT_FALSE(read_double("-1" + std::string(400, '0'), value));
  EXPECT_TRUE(read_double("0e99999999999999999999", value));
}

}  // namespace
}  // namespace ferro::node::api
