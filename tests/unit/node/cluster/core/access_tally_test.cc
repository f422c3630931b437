// What a node read of entries that others have, too: told to them, and counted by them.
#include "node/cluster/core/access_tally.h"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/core/core_fixture.h"

namespace ferro::node::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const model::NamespaceKey kNs{"m::4", "", ""};
const model::NamespaceKey kConversation{"m::4", "", "talk"};

class AccessTallyTest : public CoreTest {
 protected:
  void note(const std::vector<std::string>& ids, const model::NamespaceKey& ns = kNs,
            bool from_conversation = false) {
    engine::LookupResult result;
    for (const std::string& id : ids) result.hits.emplace_back().id = id;
    result.from_conversation = from_conversation;
    accesses_->note(ns, result);
  }
  // By printed namespace and id; empties what the peers were told.
  std::map<std::string, uint64_t> told_to(const NodeId& node) {
    std::map<std::string, uint64_t> counts;
    for (const RecordingPeers::OneWay& message : peers_->told) {
      if (message.to != node) continue;
      EXPECT_EQ(message.type, MessageType::accesses);
      const auto told = decode<AccessesMessage>(message.body);
      EXPECT_TRUE(told.ok());
      if (!told.ok()) continue;
      for (const auto& of : told->namespaces) {
        for (const auto& entry : of.entries)
          counts[model::printed_name(of.ns) + "/" + entry.id] += entry.count;
      }
    }
    return counts;
  }
  store::EntryView entry(const std::string& id) {
    const auto found = engine_->find(id, false);
    EXPECT_THAT(found, SizeIs(1));
    return found.empty() ? store::EntryView() : found.front();
  }
  void take(const AccessesMessage& message) {
    accesses_->take(encode(message, kProtocolVersion));
    run(10);
  }
};

TEST_F(AccessTallyTest, EveryOtherOwnerIsToldOnceHowOftenAnEntryWasRead) {
  start("a", {"a", "b", "c"}, {"a", "b", "c"});
  note({"one"});
  note({"one", "two"});
  accesses_->tell();
  EXPECT_THAT(peers_->told, SizeIs(2));
  for (const char* owner : {"b", "c"})
    EXPECT_THAT(told_to(owner), ElementsAre(Pair("m::4/one", 2), Pair("m::4/two", 1)));
  accesses_->tell();
  EXPECT_THAT(peers_->told, SizeIs(2)) << "what was told is not told again";
}

TEST_F(AccessTallyTest, AMissIsNoRead) {
  start("a", {"a", "b"}, {"a", "b"});
  note({});
  accesses_->tell();
  EXPECT_THAT(peers_->told, IsEmpty());
}

TEST_F(AccessTallyTest, AConversationsMissThatItsBaseAnswersIsAReadOfTheBase) {
  start("a", {"a", "b"}, {"a", "b"});
  note({"base"}, kConversation, false);
  note({"own"}, kConversation, true);
  accesses_->tell();
  EXPECT_THAT(told_to("b"), UnorderedElementsAre(Pair("m::4/base", 1), Pair("m::4::conv_talk/own", 1)));
}

TEST_F(AccessTallyTest, WhoCannotBeReachedIsNotToldLater) {
  start("a", {"a", "b", "c"}, {"a", "b", "c"});
  peers_->unavailable = {"b"};
  note({"one"});
  accesses_->tell();
  peers_->unavailable = {};
  accesses_->tell();
  EXPECT_THAT(told_to("b"), IsEmpty());
  EXPECT_THAT(told_to("c"), ElementsAre(Pair("m::4/one", 1)));
}

TEST_F(AccessTallyTest, WhatIsNotToldYetIsBounded) {
  start("a", {"a", "b"}, {"a", "b"});
  constexpr size_t kNoted = 8192;
  for (size_t i = 0; i < kNoted + 100; ++i) note({"e" + std::to_string(i)});
  note({"e0"});
  accesses_->tell();
  const auto told = told_to("b");
  EXPECT_THAT(told, SizeIs(kNoted));
  EXPECT_EQ(told.at("m::4/e0"), 2U) << "one that is known counts on";
  note({"later"});
  accesses_->tell();
  EXPECT_EQ(told_to("b").count("m::4/later"), 1U);
}

// Namespaces beyond the bound were kept all the same, empty.
TEST_F(AccessTallyTest, WhatIsNotToldYetIsBoundedOverAllNamespaces) {
  start("a", {"a", "b"}, {"a", "b"});
  constexpr size_t kNoted = 8192;
  for (size_t i = 0; i < kNoted + 100; ++i) note({"one"}, {"m::4", "", "talk " + std::to_string(i)}, true);
  EXPECT_EQ(accesses_->namespaces(), kNoted);
  accesses_->tell();
  EXPECT_THAT(told_to("b"), SizeIs(kNoted));
  EXPECT_EQ(accesses_->namespaces(), 0U);
}

TEST_F(AccessTallyTest, WhatAnotherReadIsCountedHere) {
  start("a", {"a", "b"}, {"a", "b"});
  ASSERT_TRUE(engine::insert(*engine_, engine::entry("one", 0)).ok());
  ASSERT_TRUE(engine::insert(*engine_, engine::entry("two", 90)).ok());
  engine_.clock.advance_ms(5000);
  take({{{kNs, {{"one", 3}, {"gone", 1}}}, {{"unknown", "", ""}, {{"one", 7}}}}});
  EXPECT_EQ(entry("one").access_count, 3U);
  EXPECT_EQ(entry("one").last_accessed_at_ms, entry("one").inserted_at_ms + 5000);
  EXPECT_EQ(entry("two").access_count, 0U);
  EXPECT_EQ(entry("two").last_accessed_at_ms, entry("two").inserted_at_ms);
  EXPECT_THAT(peers_->told, IsEmpty()) << "what was told goes no further";
}

TEST_F(AccessTallyTest, WhatCannotBeReadChangesNothing) {
  start("a", {"a", "b"}, {"a", "b"});
  ASSERT_TRUE(engine::insert(*engine_, engine::entry("one", 0)).ok());
  std::string body = encode(AccessesMessage{{{kNs, {{"one", 3}}}}}, kProtocolVersion);
  body.resize(body.size() - 1);
  accesses_->take(body);
  run(10);
  EXPECT_EQ(entry("one").access_count, 0U);
}

// A copy that only ever answered through another owner was evicted as if nobody read it.
TEST_F(AccessTallyTest, ALookupThatAPeerAskedForIsToldToTheOthers) {
  start("a", {"a", "b"}, {"a", "b"});
  ASSERT_TRUE(engine::insert(*engine_, engine::entry("one", 0)).ok());
  LookupMessage message;
  message.ns = kNs;
  message.unit_vector = engine::unit_at(0);
  desk_->serve(MessageType::lookup, encode(message, kProtocolVersion), kProtocolVersion, 0,
               [](const Result<std::string>& body) { EXPECT_TRUE(body.ok()); });
  run(10);
  accesses_->tell();
  EXPECT_THAT(told_to("b"), ElementsAre(Pair("m::4/one", 1)));
}

}  // namespace
}  // namespace ferro::node::cluster
