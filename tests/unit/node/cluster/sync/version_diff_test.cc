#include "node/cluster/sync/version_diff.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

namespace ferro::node::cluster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Pull = DiffRules::Pull;

Hlc at(uint64_t ticks) {
  return {ticks, 1};
}

store::Floors upto(uint64_t ticks) {
  return {at(ticks), {}};
}

TEST(VersionDiff, EqualListsDifferInNothing) {
  const store::NamespaceVersions mine{{{"a", at(1), false}, {"b", at(2), true}}, upto(0)};
  const VersionsReply theirs{{{"b", at(2), true}, {"a", at(1), false}}, upto(0)};
  EXPECT_TRUE(compare(mine, theirs, {}).none());
}

TEST(VersionDiff, TheLaterWinsAndADeleteWinsATie) {
  const store::NamespaceVersions mine{
      {{"mine", at(9), false}, {"theirs", at(1), false}, {"tie", at(5), false}, {"tie2", at(5), true}}, {}};
  const VersionsReply theirs{
      {{"mine", at(1), true}, {"theirs", at(9), true}, {"tie", at(5), true}, {"tie2", at(5), false}}, {}};
  const Difference found = compare(mine, theirs, {});
  EXPECT_THAT(found.pull, ElementsAre("theirs", "tie"));
  EXPECT_THAT(found.push, ElementsAre("mine", "tie2"));
}

TEST(VersionDiff, FloorsGoFirstAndWhatIsBelowThemDoesNotTravel) {
  const store::NamespaceVersions mine{{{"old", at(3), false}, {"new", at(9), false}}, upto(1)};
  const VersionsReply theirs{{{"older", at(1), false}}, upto(5)};
  const Difference found = compare(mine, theirs, {});
  EXPECT_THAT(found.pull, ElementsAre(""));
  EXPECT_THAT(found.push, ElementsAre("new"));
  const Difference other =
      compare({{}, upto(5)}, {{{"old", at(3), false}, {"new", at(9), false}}, upto(1)}, {});
  EXPECT_THAT(other.pull, ElementsAre("new"));
  EXPECT_THAT(other.push, ElementsAre(""));
}

TEST(VersionDiff, AFloorOfSomeSlotsIsOneOfTheirIdsAlone) {
  ASSERT_NE(model::slot_of("a"), model::slot_of("b"));
  const store::Floors of_a{{}, {{model::slot_bit("a"), at(5)}}};
  const store::NamespaceVersions mine{{{"a", at(3), false}, {"b", at(3), false}}, {}};
  const Difference found = compare(mine, {{}, of_a}, {});
  EXPECT_THAT(found.pull, ElementsAre(""));
  EXPECT_THAT(found.push, ElementsAre("b"));
  EXPECT_THAT(compare(mine, {{}, of_a}, {Pull::deletes, true, 0}).pull, ElementsAre(""));
  const Difference other = compare({{}, of_a}, {{{"a", at(3), false}, {"b", at(3), false}}, {}}, {});
  EXPECT_THAT(other.pull, ElementsAre("b"));
  EXPECT_THAT(other.push, ElementsAre(""));
  EXPECT_THAT(compare({{}, of_a}, {{}, of_a}, {}).push, IsEmpty());
  EXPECT_THAT(compare({{}, upto(9)}, {{}, of_a}, {}).push, ElementsAre(""));
  EXPECT_THAT(compare({{}, upto(9)}, {{}, of_a}, {}).pull, IsEmpty());
}

TEST(VersionDiff, ForWhoeverHandsOverOnlyDeletesOfWhatItHoldsAreNews) {
  const store::NamespaceVersions mine{{{"a", at(1), false}, {"b", at(1), false}}, {}};
  const VersionsReply theirs{{{"a", at(2), true}, {"b", at(2), false}, {"c", at(2), true}}, {}};
  EXPECT_THAT(compare(mine, theirs, {Pull::deletes, true, 0}).pull, ElementsAre("a"));
  EXPECT_THAT(compare({{}, {}}, {{}, upto(7)}, {Pull::deletes, true, 0}).pull, IsEmpty());
  EXPECT_THAT(compare(mine, {{}, upto(7)}, {Pull::deletes, true, 0}).pull, ElementsAre(""));
}

TEST(VersionDiff, DoubtfulEntriesThatThePeerDoesNotKnowAreDropped) {
  const auto ms = [](uint64_t wall_ms) { return Hlc{wall_ms << 16, 1}; };
  const store::NamespaceVersions mine{{{"doubtful", ms(100), false},
                                       {"known", ms(100), false},
                                       {"later", ms(101), false},
                                       {"gone", ms(99), true}},
                                      {}};
  const VersionsReply theirs{{{"known", ms(50), false}}, {}};
  const Difference found = compare(mine, theirs, {Pull::everything, true, 100});
  ASSERT_EQ(found.drop.size(), 1U);
  EXPECT_EQ(found.drop[0].id, "doubtful");
  EXPECT_THAT(found.push, ElementsAre("known", "later", "gone"));
}

TEST(VersionDiff, HeldIsWhatThePeerHasOrHasMoreThan) {
  const store::NamespaceVersions mine{{{"same", at(5), false},
                                       {"older", at(5), false},
                                       {"newer", at(5), false},
                                       {"deleted", at(5), false},
                                       {"unknown", at(5), false},
                                       {"below", at(2), false},
                                       {"tombstone", at(5), true}},
                                      {}};
  const VersionsReply theirs{
      {{"same", at(5), false}, {"older", at(6), false}, {"newer", at(4), false}, {"deleted", at(5), true}},
      upto(3)};
  std::vector<std::string> held;
  for (const auto& entry : held_by(mine, theirs)) held.push_back(entry.id);
  EXPECT_THAT(held, ElementsAre("same", "older", "deleted", "below"));
}

// Against the plain rule: apply everything to both sides, in any order, and they are equal.
TEST(VersionDiff, MovingTheDifferenceMakesRandomSidesEqual) {
  struct Side {
    std::map<std::string, std::pair<Hlc, bool>> entries;
    Hlc floor;
    void apply(const std::string& id, const Hlc& version, bool tombstone) {
      if (id.empty()) {
        floor = std::max(floor, version);
        std::erase_if(entries, [this](const auto& entry) { return entry.second.first <= floor; });
      } else if (version > floor) {
        auto& here = entries[id];
        here = std::max(here, {version, tombstone});
      }
    }
  };
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Side a, b;
    for (int i = 0; i < 40; ++i) {
      const std::string id = random() % 15 == 0 ? "" : std::to_string(random() % 12);
      const Hlc version = at(1 + random() % 20);
      const bool tombstone = random() % 3 == 0;
      if (random() % 3 != 0) a.apply(id, version, tombstone);
      if (random() % 3 != 0) b.apply(id, version, tombstone);
    }
    store::NamespaceVersions mine{{}, {a.floor, {}}};
    VersionsReply theirs{{}, {b.floor, {}}};
    for (const auto& [id, state] : a.entries) mine.entries.push_back({id, state.first, state.second});
    for (const auto& [id, state] : b.entries) theirs.entries.push_back({id, state.first, state.second});
    const Difference found = compare(mine, theirs, {});
    const Side before_a = a;
    for (const std::string& id : found.pull) {
      id.empty() ? a.apply("", b.floor, true) : a.apply(id, b.entries.at(id).first, b.entries.at(id).second);
    }
    for (const std::string& id : found.push) {
      id.empty() ? b.apply("", before_a.floor, true)
                 : b.apply(id, before_a.entries.at(id).first, before_a.entries.at(id).second);
    }
    ASSERT_EQ(a.entries, b.entries);
    ASSERT_EQ(a.floor, b.floor);
  }
}

}  // namespace
}  // namespace ferro::node::cluster
