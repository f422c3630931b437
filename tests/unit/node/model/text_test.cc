#include "node/model/text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace ferro::node::model {
namespace {

std::string normalised(std::string_view text) {
  std::string out = "left over";
  normalise_text(text, out);
  return out;
}

TEST(NormaliseText, FoldsAsciiCaseAndWhiteSpace) {
  EXPECT_EQ(normalised("  What \t\n IS\v\f\rthis?  "), "what is this?");
  EXPECT_EQ(normalised("az[AZ]@`{09"), "az[az]@`{09");
  // Not white space by the Unicode property, though some C libraries think so.
  EXPECT_EQ(normalised("a\x1c\x1f"
                       "b"),
            "a\x1c\x1f"
            "b");
}

TEST(NormaliseText, EveryWhiteSpaceOfUnicodeFolds) {
  const std::vector<std::string> spaces = {
      "\t",           "\n",           "\v",           "\f",           "\r",           " ",
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
      "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
      "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
      "\xe3\x80\x80"};
  std::string all;
  for (const std::string& space : spaces) {
    EXPECT_EQ(normalised("a" + space + "b"), "a b");
    all += space;
  }
  EXPECT_EQ(normalised(all), "");
  EXPECT_EQ(normalised(all + "x" + all + "y" + all), "x y");
}

TEST(NormaliseText, LookalikesOfWhiteSpaceStay) {
  // zero width space, zero width joiner, word joiner, byte order mark, Mongolian vowel separator
  for (const std::string text : {"a\xe2\x80\x8b"
                                 "b",
                                 "a\xe2\x80\x8d"
                                 "b",
                                 "a\xe2\x81\xa0"
                                 "b",
                                 "a\xef\xbb\xbf"
                                 "b",
                                 "a\xe1\xa0\x8e"
                                 "b"}) {
    EXPECT_EQ(normalised(text), text);
  }
}

TEST(NormaliseText, FullCaseFolding) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"Stra\u00dfe", "strasse"},
      {"STRA\u1e9eE", "strasse"},
      {"\ufb03", "ffi"},
      {"\u0130", "i\u0307"},
      {"\u0131", "\u0131"},  // dotless i has no fold of its own
      {"\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c3"},
      {"\u03bf\u03b4\u03bf\u03c2", "\u03bf\u03b4\u03bf\u03c3"},  // final sigma
      {"\uab70", "\u13a0"},                                      // Cherokee folds to its capitals
      {"\u13a0", "\u13a0"},
      {"\u13f8", "\u13f0"},
      {"\u0390", "\u03b9\u0308\u0301"},
      {"\u1fb7", "\u03b1\u0342\u03b9"},
      {"\u0149", "\u02bcn"},
      {"\u212a", "k"},  // Kelvin sign
      {"\u00b5", "\u03bc"},
      {"\u017f", "s"},
      {"\u0416", "\u0436"},
      {"\U00010400", "\U00010428"},  // Deseret, beyond the BMP
      {"\u00e9", "\u00e9"},
      {"e\u0301", "e\u0301"},  // no normalisation form: composed and decomposed stay apart
      {"\uac00", "\uac00"},
      {"\U0001f600", "\U0001f600"},
  };
  for (const auto& [text, folded] : table) EXPECT_EQ(normalised(text), folded) << text;
}

TEST(NormaliseText, IsIdempotentOverEveryCodePoint) {
  for (uint32_t code_point = 1; code_point <= 0x10FFFF; ++code_point) {
    if (code_point >= 0xD800 && code_point <= 0xDFFF) continue;
    std::string text;
    if (code_point < 0x80) {
      text = {static_cast<char>(code_point)};
    } else if (code_point < 0x800) {
      text = {static_cast<char>(0xC0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 63))};
    } else if (code_point < 0x10000) {
      text = {static_cast<char>(0xE0 | code_point >> 12), static_cast<char>(0x80 | (code_point >> 6 & 63)),
              static_cast<char>(0x80 | (code_point & 63))};
    } else {
      text = {static_cast<char>(0xF0 | code_point >> 18), static_cast<char>(0x80 | (code_point >> 12 & 63)),
              static_cast<char>(0x80 | (code_point >> 6 & 63)), static_cast<char>(0x80 | (code_point & 63))};
    }
    const std::string once = normalised(text);
    ASSERT_EQ(normalised(once), once) << "code point " << code_point;
    ASSERT_TRUE(is_valid_utf8(once)) << "code point " << code_point;
    ASSERT_EQ(once.empty(), is_white_space(static_cast<int32_t>(code_point))) << "code point " << code_point;
  }
}

TEST(NormaliseText, InvalidUtf8TerminatesAndKeepsItsBytes) {
  EXPECT_EQ(normalised("A\xff"
                       "B\xc3"),
            "a\xff"
            "b\xc3");
}

TEST(HashText, DistinguishesAndRepeats) {
  EXPECT_EQ(hash_text("what is this?"), hash_text("what is this?"));
  EXPECT_NE(hash_text("what is this?"), hash_text("what is that?"));
  EXPECT_NE(hash_text(""), hash_text(" "));
}

TEST(ValidUtf8, RefusesOverlongSurrogatesAndCutSequences) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("\xf4\x8f\xbf\xbf"));
  for (const std::string text :
       {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "\xfe"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

TEST(Preview, CutsBetweenCodePoints) {
  EXPECT_EQ(preview("abc", 50), "abc");
  EXPECT_EQ(preview("abc", 0), "");
  EXPECT_EQ(preview("\u00e9\u20ac\U0001f600x", 3), "\u00e9\u20ac\U0001f600");
  EXPECT_EQ(preview("", 3), "");
}

TEST(Trim, TakesWhiteSpaceFromBothEndsOnly) {
  EXPECT_EQ(trim("\u3000 \u00a0x y\u2028\t"), "x y");
  EXPECT_EQ(trim("\u3000\u3000"), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\u00e9\u00e0"), "\u00e9\u00e0");  // ends in the byte 0xa0, which is no white space here
}

}  // namespace
}  // namespace ferro::node::model
