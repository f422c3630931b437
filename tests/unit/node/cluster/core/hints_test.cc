#include "node/cluster/core/hints.h"

#include <gtest/gtest.h>

namespace ferro::node::cluster {
namespace {

Hints::Operation operation(const std::string& text) {
  return std::make_shared<const std::string>(text);
}

std::vector<std::string> texts(const Hints::Batch& batch) {
  std::vector<std::string> out;
  for (const auto& one : batch.operations) out.push_back(*one);
  return out;
}

using Texts = std::vector<std::string>;

TEST(Hints, KeepTheOrderOfEachPeer) {
  Hints hints(1 << 20, 1000);
  EXPECT_EQ(hints.add("b", operation("1"), 0), 0U);
  hints.add("c", operation("2"), 0);
  hints.add("b", operation("3"), 0);
  EXPECT_EQ(texts(hints.front("b", 1 << 20)), (Texts{"1", "3"}));
  EXPECT_EQ(texts(hints.front("c", 1 << 20)), (Texts{"2"}));
  EXPECT_TRUE(hints.front("d", 1 << 20).operations.empty());
  EXPECT_EQ(hints.count(), 3U);
}

TEST(Hints, HandOutAtMostSoManyBytesButAtLeastOne) {
  Hints hints(1 << 20, 1000);
  hints.add("b", operation(std::string(100, 'x')), 0);
  hints.add("b", operation(std::string(100, 'y')), 0);
  EXPECT_EQ(hints.front("b", 1).operations.size(), 1U);
  EXPECT_EQ(hints.front("b", 200).operations.size(), 2U);
}

TEST(Hints, AreGoneOnlyWhenTaken) {
  Hints hints(1 << 20, 1000);
  hints.add("b", operation("1"), 0);
  const Hints::Batch batch = hints.front("b", 1 << 20);
  hints.add("b", operation("2"), 0);
  hints.taken("b", batch.last);
  EXPECT_EQ(texts(hints.front("b", 1 << 20)), (Texts{"2"}));
  hints.taken("b", hints.front("b", 1 << 20).last);
  EXPECT_FALSE(hints.has("b"));
  EXPECT_EQ(hints.bytes(), 0U);
  EXPECT_EQ(hints.count(), 0U);
}

TEST(Hints, OfAllPeersTheOldestGoesWhenTheBytesAreUsedUp) {
  Hints hints(700, 1000);
  const std::string large(200, 'x');
  hints.add("b", operation("oldest" + large), 0);
  hints.add("c", operation("second" + large), 0);
  EXPECT_EQ(hints.add("c", operation("third" + large), 0), 1U);
  EXPECT_FALSE(hints.has("b"));
  EXPECT_LE(hints.bytes(), 700U);
  EXPECT_EQ(hints.front("c", 1 << 20).operations.size(), 2U);
}

TEST(Hints, OneLargerThanTheBoundIsNotKept) {
  Hints hints(100, 1000);
  EXPECT_EQ(hints.add("b", operation(std::string(101, 'x')), 0), 1U);
  EXPECT_EQ(hints.count(), 0U);
}

TEST(Hints, DroppedWhileABatchWasOnItsWayAreNotCountedTwice) {
  Hints hints(900, 1000);
  const std::string large(200, 'x');
  for (int i = 0; i < 3; ++i) hints.add("b", operation(std::to_string(i) + large), 0);
  const Hints::Batch sent = hints.front("b", 1);  // the first
  hints.add("b", operation("3" + large), 0);      // the first is dropped for it
  hints.taken("b", sent.last);
  EXPECT_EQ(texts(hints.front("b", 1)).front().front(), '1');
}

TEST(Hints, ExpireByAge) {
  Hints hints(1 << 20, 1000);
  hints.add("b", operation("old"), 0);
  hints.add("c", operation("young"), 900);
  EXPECT_EQ(hints.expire(1000), 0U);
  EXPECT_EQ(hints.expire(1001), 1U);
  EXPECT_FALSE(hints.has("b"));
  EXPECT_TRUE(hints.has("c"));
}

TEST(Hints, OfAForgottenPeerGoAllAtOnce) {
  Hints hints(1 << 20, 1000);
  hints.add("b", operation("1"), 0);
  hints.add("b", operation("2"), 0);
  EXPECT_EQ(hints.forget("b"), 2U);
  EXPECT_EQ(hints.forget("b"), 0U);
  EXPECT_EQ(hints.bytes(), 0U);
}

}  // namespace
}  // namespace ferro::node::cluster
