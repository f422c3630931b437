#include "common/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace ferro {
namespace {

std::string encode(uint32_t c) {
  const auto byte = [](uint32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 | (c >> 6)), byte(0x80 | (c & 0x3f))};
  if (c < 0x10000) return {byte(0xe0 | (c >> 12)), byte(0x80 | ((c >> 6) & 0x3f)), byte(0x80 | (c & 0x3f))};
  return {byte(0xf0 | (c >> 18)), byte(0x80 | ((c >> 12) & 0x3f)), byte(0x80 | ((c >> 6) & 0x3f)),
          byte(0x80 | (c & 0x3f))};
}

TEST(Utf8, EveryCodePointButSurrogates) {
  for (uint32_t c = 0; c < 0x110000; ++c) {
    const std::string text = encode(c);
    const bool surrogate = c >= 0xd800 && c <= 0xdfff;
    ASSERT_EQ(utf8_length(text + "x"), surrogate ? 0 : text.size()) << c;
    ASSERT_EQ(utf8_valid(text), !surrogate) << c;
    if (text.size() > 1) {
      ASSERT_FALSE(utf8_valid(text.substr(0, text.size() - 1))) << c;
    }
  }
}

TEST(Utf8, RefusesOverlongAndOutOfRange) {
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xc3(", "\xe2\x82(", "\xf0\x90\x80("}) {
    EXPECT_EQ(utf8_length(bad), 0U);
    EXPECT_FALSE(utf8_valid(std::string("a") + bad));
  }
  EXPECT_EQ(utf8_length(""), 0U);
  EXPECT_TRUE(utf8_valid(""));
}

}  // namespace
}  // namespace ferro
