#include "node/cluster/membership/replica.h"

#include <gtest/gtest.h>

#include <random>

namespace ferro::node::cluster {
namespace {

constexpr size_t kPlenty = 1 << 20;

// What `to` lacks of `from`, within a budget.
GossipDelta delta_between(const Replica& from, const Replica& to, size_t budget = kPlenty) {
  const GossipDigest digest = to.digest("n", 0);
  GossipDelta delta = from.answer("n", 0, &digest);
  from.fill(delta, budget);
  return delta;
}

TEST(Replica, SettingWhatIsThereChangesNothing) {
  Replica own(1);
  EXPECT_TRUE(own.set("a", "1"));
  EXPECT_FALSE(own.set("a", "1"));
  EXPECT_EQ(own.max_version(), 1U);
  EXPECT_FALSE(own.erase("b"));
  EXPECT_TRUE(own.erase("a"));
  EXPECT_FALSE(own.erase("a"));
  EXPECT_EQ(own.max_version(), 2U);
  EXPECT_TRUE(own.set("a", "1"));  // again
  EXPECT_EQ(own.values().at("a"), "1");
}

TEST(Replica, ErasedKeysAreCollectedAndStayAway) {
  Replica own(1);
  Replica other(1);
  own.set("a", "1");
  own.set("b", "2");
  other.apply(delta_between(own, other));
  own.erase("a");
  EXPECT_TRUE(other.apply(delta_between(own, other)));
  EXPECT_EQ(other.values(), own.values());
  EXPECT_EQ(other.key_count(), 2U);
  own.collect(2);  // nothing erased so early
  EXPECT_EQ(own.collected(), 0U);
  own.collect(UINT64_MAX);
  EXPECT_EQ(own.collected(), 3U);
  EXPECT_EQ(own.key_count(), 1U);
  EXPECT_FALSE(other.apply(delta_between(own, other)));  // no value changes
  EXPECT_EQ(other.key_count(), 1U);
  EXPECT_EQ(other.max_version(), own.max_version());
}

TEST(Replica, WhoLagsBehindTheMarkStartsOver) {
  Replica own(1);
  Replica other(1);
  own.set("a", "1");
  own.set("b", "2");
  other.apply(delta_between(own, other));
  own.erase("a");
  own.collect(UINT64_MAX);
  const GossipDelta delta = delta_between(own, other);
  EXPECT_TRUE(delta.reset);
  EXPECT_TRUE(other.apply(delta));
  EXPECT_EQ(other.values(), own.values());
  EXPECT_EQ(other.max_version(), own.max_version());
  EXPECT_FALSE(delta_between(own, other).reset);
}

// Starting over in small steps: after the first the digest is behind the mark still, and yet goes on.
TEST(Replica, StartingOverMakesProgressInSmallMessages) {
  Replica own(1);
  Replica other(1);
  for (int i = 0; i < 20; ++i) own.set("k" + std::to_string(i), std::string(100, 'x'));
  other.apply(delta_between(own, other));
  own.erase("k19");
  own.collect(UINT64_MAX);
  for (int step = 0; step < 10; ++step) other.apply(delta_between(own, other, 300));
  EXPECT_EQ(other.values(), own.values());
  EXPECT_EQ(other.max_version(), own.max_version());
}

// `other` has started over and knows little; an old friend that has not must not give it back what is erased.
TEST(Replica, AFriendBehindTheMarkCannotBringBackWhatIsErased) {
  Replica own(1);
  Replica friend_of(1);
  Replica other(1);
  own.set("a", std::string(100, 'x'));
  own.set("b", "2");
  friend_of.apply(delta_between(own, friend_of));
  own.erase("b");
  own.set("c", std::string(100, 'y'));
  own.collect(UINT64_MAX);
  other.apply(delta_between(own, other, 150));  // "a" only
  ASSERT_LT(other.max_version(), other.collected());
  EXPECT_FALSE(other.apply(delta_between(friend_of, other)));
  other.apply(delta_between(own, other));
  EXPECT_EQ(other.values(), own.values());
}

// A delta for somebody who knew more: what lies between would be missing for ever.
TEST(Replica, ADeltaAfterAGapIsRefused) {
  Replica own(1);
  Replica knew(1);
  Replica other(1);
  own.set("a", "1");
  knew.apply(delta_between(own, knew));
  own.set("b", "2");
  const GossipDelta delta = delta_between(own, knew);
  EXPECT_FALSE(other.apply(delta));
  EXPECT_EQ(other.max_version(), 0U);
}

TEST(Replica, KeepsNoMoreKeysThanThereMayBe) {
  Replica other(1);
  GossipDelta delta;
  delta.node = "n";
  delta.generation = 1;
  delta.upto = kGossipValuesMax + 10;
  for (uint64_t i = 1; i <= delta.upto; ++i) delta.values.push_back({"k" + std::to_string(i), "", i, false});
  other.apply(delta);
  EXPECT_EQ(other.key_count(), kGossipValuesMax);
}

// One writer, four readers that hear from each other in any order, with cut and reordered messages and the
// mark moving whenever all have seen it: every reader is always some past state of the writer, less what was
// erased, and ends as the writer.
TEST(Replica, ReadersEndAsTheWriterWhateverTheOrder) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Replica own(1);
    std::vector<Replica> readers(4, Replica(1));
    std::vector<std::pair<size_t, GossipDelta>> on_the_way;
    for (int step = 0; step < 200; ++step) {
      const std::string key = "k" + std::to_string(random() % 5);
      const size_t to = random() % readers.size();
      switch (random() % 6) {
        case 0:
          own.set(key, std::to_string(step));
          break;
        case 1:
          own.erase(key);
          break;
        case 2: {  // three of the readers are alive; the fourth lags behind at times
          uint64_t seen = UINT64_MAX;
          for (size_t i = 0; i < 3; ++i) seen = std::min(seen, readers[i].max_version());
          own.collect(seen);
          break;
        }
        case 3: {
          const size_t from = random() % (readers.size() + 1);
          const Replica& source = from == readers.size() ? own : readers[from];
          on_the_way.emplace_back(to, delta_between(source, readers[to], random() % 200));
          break;
        }
        default:
          if (on_the_way.empty()) break;
          std::swap(on_the_way[random() % on_the_way.size()], on_the_way.back());
          readers[on_the_way.back().first].apply(on_the_way.back().second);
          if (random() % 4 != 0) on_the_way.pop_back();  // now and then it comes twice
      }
      for (const Replica& reader : readers) ASSERT_LE(reader.max_version(), own.max_version());
    }
    for (int round = 0; round < 30; ++round) {
      for (Replica& reader : readers) reader.apply(delta_between(own, reader, 100));
    }
    for (const Replica& reader : readers) {
      ASSERT_EQ(reader.values(), own.values());
      ASSERT_EQ(reader.max_version(), own.max_version());
    }
  }
}

}  // namespace
}  // namespace ferro::node::cluster
