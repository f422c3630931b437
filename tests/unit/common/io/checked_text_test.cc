#include "common/io/checked_text.h"

#include <gtest/gtest.h>

#include <string>

namespace ferro::io {
namespace {

TEST(CheckedText, EndsWithTheChecksumOfWhatStandsBefore) {
  EXPECT_EQ(with_checksum("123456789"), "123456789crc32c e3069283\n") << "the check value of CRC-32C";
  for (const std::string text : {"", "a line\n", "crc32c 00000000\n"})
    EXPECT_EQ(without_checksum(with_checksum(text)), text);
}

TEST(CheckedText, AnyChangedByteAndAnyOtherLengthIsNoticed) {
  const std::string good = with_checksum("title\nvalue 7\n");
  for (size_t i = 0; i < good.size(); ++i) {
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_EQ(without_checksum(flipped), std::nullopt) << "byte " << i;
    EXPECT_EQ(without_checksum(good.substr(0, i)), std::nullopt) << "cut to " << i;
  }
  EXPECT_EQ(without_checksum(good + "\n"), std::nullopt);
}

TEST(CheckedText, LinesAreTakenByTheirLabels) {
  std::string_view text = "node_id n1\nboot \nrest";
  EXPECT_EQ(take_line(text, "boot "), std::nullopt);
  EXPECT_EQ(take_line(text, "node_id "), "n1");
  EXPECT_EQ(take_line(text, "boot "), "");
  EXPECT_EQ(take_line(text, "rest"), std::nullopt) << "its end is missing";
  EXPECT_EQ(text, "rest");
}

}  // namespace
}  // namespace ferro::io
