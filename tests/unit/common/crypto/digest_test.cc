#include "common/crypto/digest.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ferro::crypto {
namespace {

std::string hex_of(std::string_view text) {
  return to_hex(sha256(as_bytes(text)));
}

TEST(Sha256, PublishedVectors) {  // FIPS 180-4 examples
  EXPECT_EQ(hex_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, ManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<std::string> results(4);
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&results, i] {
      for (int round = 0; round < 500; ++round) results[i] = hex_of("abc");
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, hex_of("abc"));
}

TEST(ConstantTimeEqual, EqualOnlyWhenEveryByteIs) {
  EXPECT_TRUE(constant_time_equal({}, {}));
  EXPECT_TRUE(constant_time_equal(as_bytes("token"), as_bytes("token")));
  EXPECT_FALSE(constant_time_equal(as_bytes("token"), as_bytes("tokeN")));
  EXPECT_FALSE(constant_time_equal(as_bytes("token"), as_bytes("Token")));
  EXPECT_FALSE(constant_time_equal(as_bytes("token"), as_bytes("token1")));
  EXPECT_FALSE(constant_time_equal(as_bytes("token"), {}));
}

TEST(DigestsEqual, DifferInAnyBit) {
  const Sha256Digest digest = sha256(as_bytes("token"));
  EXPECT_TRUE(digests_equal(digest, sha256(as_bytes("token"))));
  for (size_t bit = 0; bit < digest.size() * 8; ++bit) {
    Sha256Digest other = digest;
    other[bit / 8] = static_cast<uint8_t>(other[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(digests_equal(digest, other)) << bit;
  }
}

}  // namespace
}  // namespace ferro::crypto
