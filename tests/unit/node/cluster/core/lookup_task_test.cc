// Whom a lookup asks, and who answers it: owners that may have missed writes only where nobody else can.
#include "node/cluster/core/lookup_task.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>

#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/core/core_fixture.h"

namespace ferro::node::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const model::NamespaceKey kNs{"m::4", "", ""};

class LookupTaskTest : public CoreTest {
 protected:
  static LookupMessage message() {
    LookupMessage message;
    message.ns = kNs;
    message.unit_vector = engine::unit_at(0);
    return message;
  }
  void ask(const model::NamespaceKey& ns = kNs) {
    LookupMessage asked = message();
    asked.ns = ns;
    start_lookup(*context_, *desk_, std::move(asked),
                 [this](Result<engine::LookupResult> result) { answer_ = std::move(result); });
    run(0);
  }
  void reply(size_t call, const std::string& id) {
    LookupReply reply;
    if (!id.empty()) reply.result.hits.emplace_back().id = id;
    peers_->calls.at(call).done(std::string_view(encode(reply, kProtocolVersion)));
  }
  NodeId first_of(size_t index = 0) const { return *context_->routes.get()->readers(home())[index]; }
  static uint16_t home() { return model::home_of(model::namespace_hash(kNs)); }
  // As a peer asks.
  Status asked_by_a_peer() {
    std::optional<Status> answer;
    desk_->serve(MessageType::lookup, encode(message(), kProtocolVersion), kProtocolVersion, 0,
                 [&](const Result<std::string>& body) { answer = body.status(); });
    run(10);
    return answer.value_or(Status::internal("no answer"));
  }

  std::optional<Result<engine::LookupResult>> answer_;
};

TEST_F(LookupTaskTest, ASlowOwnerIsHedged) {
  start("x", {"a", "b"}, {"a", "b"});
  ask();
  EXPECT_THAT(peers_->asked(), ElementsAre(first_of()));
  run(20);
  EXPECT_THAT(peers_->asked(), ElementsAre(first_of(0), first_of(1)));
  reply(1, "found");
  ASSERT_TRUE(answer_ && answer_->ok());
  EXPECT_EQ((*answer_)->hits.at(0).id, "found");
}

// A slow owner's answer was overtaken by that of one whose disk was full: deleted entries were hits again.
TEST_F(LookupTaskTest, AnOwnerThatIsNotReadyIsNoHedge) {
  start("x", {"a", "b"}, {"a"});
  ask();
  run(500);
  EXPECT_THAT(peers_->asked(), ElementsAre("a"));
  EXPECT_FALSE(answer_);
  reply(0, "");
  ASSERT_TRUE(answer_ && answer_->ok());
  EXPECT_THAT((*answer_)->hits, IsEmpty());
}

TEST_F(LookupTaskTest, NorIsThisNodeItself) {
  start("b", {"a", "b"}, {"a"});
  ask();
  run(500);
  EXPECT_THAT(peers_->asked(), ElementsAre("a"));
  EXPECT_FALSE(answer_);
}

TEST_F(LookupTaskTest, AnOwnerThatIsNotReadyIsAskedWhereTheOthersFail) {
  start("x", {"a", "b"}, {"a"});
  ask();
  peers_->calls.at(0).done(Status::unavailable("gone"));
  run(0);
  EXPECT_THAT(peers_->asked(), ElementsAre("a", "b"));
  reply(1, "old");
  ASSERT_TRUE(answer_ && answer_->ok());
  EXPECT_EQ((*answer_)->hits.at(0).id, "old");
}

// Whoever asked had not heard yet that this node misses writes.
TEST_F(LookupTaskTest, WhoMissesWritesSendsAPeerToAnOwnerThatKnows) {
  start("b", {"a", "b"}, {"a"});
  EXPECT_EQ(asked_by_a_peer().code(), StatusCode::failed_precondition);
  peers_->unavailable = {"a"};
  EXPECT_TRUE(asked_by_a_peer().ok()) << "there is nobody else";
  start("b", {"a", "b"}, {"a", "b"});
  EXPECT_TRUE(asked_by_a_peer().ok());
  start("b", {"a", "b"}, {});
  EXPECT_TRUE(asked_by_a_peer().ok()) << "nobody is ready";
}

// A node that had been stopped found its links closed and answered from what it had: deleted entries.
TEST_F(LookupTaskTest, AnOwnerThatKnowsIsWaitedForWhenItsLinkBreaks) {
  start("b", {"a", "b"}, {"a"});
  peers_->unavailable = {"a"};
  ask();
  run(300);
  EXPECT_FALSE(answer_);
  peers_->unavailable = {};
  run(50);
  ASSERT_THAT(peers_->asked(), ElementsAre("a"));
  reply(0, "");
  ASSERT_TRUE(answer_ && answer_->ok());
  EXPECT_THAT((*answer_)->hits, IsEmpty());
}

// The link broke under the question and was there again at once: the node that had been stopped took itself
// for the next one to ask.
TEST_F(LookupTaskTest, AnOwnerThatKnowsIsAskedAgainWhenItsLinkBreaksUnderTheQuestion) {
  start("b", {"a", "b"}, {"a"});
  ask();
  for (size_t call = 0; call < 5; ++call) {
    ASSERT_EQ(peers_->calls.size(), call + 1);
    peers_->calls.at(call).done(Status::unavailable("closed by the other side"));
    run(25);
    EXPECT_FALSE(answer_);
  }
  reply(5, "");
  ASSERT_TRUE(answer_ && answer_->ok());
  EXPECT_THAT((*answer_)->hits, IsEmpty());
}

TEST_F(LookupTaskTest, AndWhereItNeverAnswersThisNodeDoes) {
  start("b", {"a", "b"}, {"a"});
  ask();
  for (size_t call = 0; !answer_ && call < 100; ++call) {
    ASSERT_EQ(peers_->calls.size(), call + 1);
    peers_->calls.at(call).done(Status::unavailable("closed by the other side"));
    run(25);
  }
  EXPECT_TRUE(answer_ && answer_->ok()) << "what this node has is all there is";
}

TEST_F(LookupTaskTest, ButNotForLong) {
  start("b", {"a", "b"}, {"a"});
  peers_->unavailable = {"a"};
  ask();
  run(600);
  EXPECT_TRUE(answer_ && answer_->ok()) << "what this node has is all there is";
}

// In its first milliseconds a node that had been killed answered from its own copies, old as they were: it
// did not know yet who had caught up.
TEST_F(LookupTaskTest, ANodeThatLooksForItsClusterWaitsForWhoKnows) {
  start("b", {"a", "b"}, {});
  context_->looking = true;
  ask();
  run(1500);
  EXPECT_FALSE(answer_);
  EXPECT_THAT(peers_->asked(), IsEmpty());
  found({"a"});
  run(50);
  ASSERT_THAT(peers_->asked(), ElementsAre("a"));
  reply(0, "");
  ASSERT_TRUE(answer_ && answer_->ok());
  EXPECT_THAT((*answer_)->hits, IsEmpty());
}

// Heard of a moment ago, reached a moment later.
TEST_F(LookupTaskTest, WhomItHasJustFoundItWaitsForToo) {
  start("b", {"a", "b"}, {});
  context_->looking = true;
  peers_->unavailable = {"a"};
  ask();
  run(1500);
  found({"a"});
  run(300);
  EXPECT_FALSE(answer_);
  peers_->unavailable = {};
  run(50);
  EXPECT_THAT(peers_->asked(), ElementsAre("a"));
}

TEST_F(LookupTaskTest, WhoFindsNobodyAnswers) {
  start("b", {"a", "b"}, {});
  context_->looking = true;
  peers_->unavailable = {"a"};
  ask();
  run(1500);
  EXPECT_FALSE(answer_);
  found({});
  run(50);
  EXPECT_TRUE(answer_ && answer_->ok()) << "what this node has is all there is";
}

TEST_F(LookupTaskTest, NobodyWaitsLongerThanARequestMayTake) {
  start("b", {"a", "b"}, {});
  context_->looking = true;
  peers_->unavailable = {"a"};
  ask();
  run(2050);
  EXPECT_TRUE(answer_) << "still looking";
}

// Of two refusals the cluster told the conversation's, one node, which judges the base first, the base's.
TEST_F(LookupTaskTest, AVectorThatFitsNeitherConversationNorBaseIsRefusedByTheBase) {
  const model::NamespaceKey conversation{"m::4", "", "c"};
  const Status by_conversation = store::dimension_mismatch(conversation, 8, 4);
  const Status by_base = store::dimension_mismatch(kNs, 8, 4);
  start("x", {"a", "b"}, {"a", "b"});
  ask(conversation);
  ASSERT_EQ(peers_->calls.size(), 2U);
  for (const RecordingPeers::Call& call : std::vector(peers_->calls)) {
    call.done(decode<LookupMessage>(call.body)->ns == kNs ? by_base : by_conversation);
  }
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->status().to_string(), by_base.to_string());
}

TEST_F(LookupTaskTest, AWholePassOfRefusalsIsTriedAgain) {
  start("x", {"a", "b"}, {"a", "b"});
  ask();
  for (size_t call = 0; call < 2; ++call) {
    peers_->calls.at(call).done(Status(StatusCode::failed_precondition, "ask another"));
    run(0);
  }
  EXPECT_FALSE(answer_);
  run(25);
  ASSERT_EQ(peers_->calls.size(), 3U);
  reply(2, "found");
  EXPECT_TRUE(answer_ && answer_->ok());
}

}  // namespace
}  // namespace ferro::node::cluster
