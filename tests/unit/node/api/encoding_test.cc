#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "node/api/base64.h"
#include "node/api/json_write.h"

namespace ferro::node::api {
namespace {

std::string as_json(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

TEST(JsonWrite, EveryCharacterComesBack) {
  std::string all;
  for (int byte = 0; byte < 0x80; ++byte) all += static_cast<char>(byte);
  all += "\u00e9\u2028\u2029\U0001F389\U0010FFFF";
  // At every offset, so that each stands in each place of the eight bytes looked at together.
  for (size_t offset = 0; offset < 9; ++offset) {
    const std::string text = std::string(offset, 'x') + all;
    EXPECT_EQ(nlohmann::json::parse(as_json(text)).get<std::string>(), text);
  }
  EXPECT_EQ(as_json(""), "\"\"");
  EXPECT_EQ(as_json("a\"b\\c\n\x01\x7f"), "\"a\\\"b\\\\c\\n\\u0001\x7f\"");
}

TEST(JsonWrite, PlacesCommas) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .key("a")
      .begin_array()
      .number(1U)
      .begin_object()
      .end_object()
      .string("x")
      .null()
      .end_array();
  json.key("b").boolean(true).key("c").begin_object().key("d").raw("[]").end_object().key("e").number(
      int64_t{-5});
  json.end_object();
  EXPECT_EQ(out, R"({"a":[1,{},"x",null],"b":true,"c":{"d":[]},"e":-5})");
}

TEST(JsonWrite, NumbersAreShortAndReadBackEqual) {
  const auto written = [](auto value) {
    std::string out;
    JsonWriter(out).number(value);
    return out;
  };
  EXPECT_EQ(written(0.97F), "0.97");
  EXPECT_EQ(written(1.0F), "1.0");
  EXPECT_EQ(written(0.0), "0.0");
  EXPECT_EQ(written(1e300), "1e+300");
  EXPECT_EQ(written(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(written(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  const uint64_t seed = 7;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    double wide = 0.0;
    const uint64_t bits = random();
    std::memcpy(&wide, &bits, sizeof wide);
    if (!std::isfinite(wide)) continue;
    EXPECT_EQ(nlohmann::json::parse(written(wide)).get<double>(), wide);
  }
}

std::string base64(
    std::string_view bytes,
    std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view part = bytes.substr(at, 3);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      group = (group << 8) | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0U);
    }
    for (size_t i = 0; i < 4; ++i) {
      out += i > part.size() ? '=' : alphabet[(group >> (18 - 6 * i)) & 63U];
    }
  }
  return out;
}

TEST(Base64, FloatsComeBack) {
  const uint64_t seed = 11;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (size_t count = 1; count < 50; ++count) {
    std::string bytes(count * sizeof(float), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    std::vector<float> floats;
    ASSERT_TRUE(decode_floats(base64(bytes), 4096, floats).ok()) << count;
    ASSERT_EQ(floats.size(), count);
    EXPECT_EQ(std::memcmp(floats.data(), bytes.data(), bytes.size()), 0) << count;
    std::string url = base64(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    if (url.find_first_of("-_") != std::string::npos) url.erase(std::min(url.find('='), url.size()));
    ASSERT_TRUE(decode_floats(url, 4096, floats).ok()) << url;
    EXPECT_EQ(std::memcmp(floats.data(), bytes.data(), bytes.size()), 0) << count;
  }
}

TEST(Base64, RefusesWhatIsNotWhole) {
  std::vector<float> floats;
  for (const char* bad :
       {"AACAPw", "AACAPw=", "AACAPw===", "AACA", "AAC*Pw==", "AACAPwA=", "AACAPw==AACAPw==", "A", "=",
        "==", "====", "AAC Pw==", "AACAPw==\n", "+_AAPw==", "AACAPx==", "AA\xC3\xA9Pw=="}) {
    EXPECT_FALSE(decode_floats(bad, 4096, floats).ok()) << bad;
  }
  EXPECT_TRUE(decode_floats("AACAPw==", 1, floats).ok());
  EXPECT_EQ(floats, std::vector<float>{1.0F});
  EXPECT_FALSE(decode_floats(base64(std::string(8, '\1')), 1, floats).ok());
  EXPECT_TRUE(decode_floats("", 4096, floats).ok());
  EXPECT_TRUE(floats.empty());
}

}  // namespace
}  // namespace ferro::node::api
