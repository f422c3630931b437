#include "common/base/bytes.h"

#include <gtest/gtest.h>

#include <random>

namespace ferro {
namespace {

TEST(Bytes, WhatIsWrittenIsRead) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(7);
  writer.u16(0xBEEF);
  writer.u32(0xDEADBEEF);
  writer.u64(0x0123456789ABCDEFULL);
  writer.f64(-2.5);
  writer.varint(300);
  writer.text("grüße");
  ByteReader reader(as_bytes(out));
  EXPECT_EQ(reader.u8(), 7);
  EXPECT_EQ(reader.u16(), 0xBEEF);
  EXPECT_EQ(reader.u32(), 0xDEADBEEFU);
  EXPECT_EQ(reader.u64(), 0x0123456789ABCDEFULL);
  EXPECT_EQ(reader.f64(), -2.5);
  EXPECT_EQ(reader.varint(), 300U);
  EXPECT_EQ(reader.text(), "grüße");
  EXPECT_TRUE(reader.done());
  EXPECT_FALSE(reader.failed());
}

TEST(Bytes, VarintRoundTripsAtEveryWidth) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (uint64_t value : {(1ULL << bit) - 1, 1ULL << bit, ~0ULL >> bit}) {
      std::string out;
      ByteWriter(out).varint(value);
      ByteReader reader(as_bytes(out));
      EXPECT_EQ(reader.varint(), value);
      EXPECT_TRUE(reader.done() && !reader.failed());
    }
  }
}

TEST(Bytes, AVarintOfMoreThan64BitsFails) {
  const std::string eleven(11, '\x80');
  ByteReader reader(as_bytes(eleven));
  reader.varint();
  EXPECT_TRUE(reader.failed());
}

TEST(Bytes, EveryCutFailsAndStaysFailed) {
  std::string out;
  ByteWriter writer(out);
  writer.u32(1);
  writer.text("abc");
  writer.u64(2);
  for (size_t cut = 0; cut < out.size(); ++cut) {
    ByteReader reader(as_bytes(std::string_view(out).substr(0, cut)));
    reader.u32();
    reader.text();
    reader.u64();
    EXPECT_TRUE(reader.failed()) << cut;
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_TRUE(reader.failed());
  }
}

TEST(Bytes, ALengthBeyondTheEndIsNoView) {
  std::string out;
  ByteWriter(out).varint(~0ULL);
  ByteReader reader(as_bytes(out));
  EXPECT_EQ(reader.text(), "");
  EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace ferro
