// Questions to all owners: who may have missed writes answers only where nobody else can. Lookups had the
// rule, lists, counts, reads by id and deletes did not.
#include "node/cluster/core/gather.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/core/core_fixture.h"

namespace ferro::node::cluster {
namespace {

class GatherTest : public CoreTest {
 protected:
  // How many entries one partition has; the answer is not looked at.
  static Question count_of_one() {
    Question question;
    question.partitions = [](const model::SplitTable&) { return model::PartitionSet().set(7); };
    question.body = [](const model::Territory& share, uint16_t version) {
      return encode(CountEntriesMessage{share.partitions, share.splits->fingerprint()}, version);
    };
    question.take = [](std::string_view) { return Status(); };
    return question;
  }
  void start(const NodeId& self, const std::set<NodeId>& ready) { CoreTest::start(self, {"a", "b"}, ready); }
  model::PartitionSet everything() const { return model::PartitionSet().set(); }
  uint64_t splits() const { return context_->routes.get()->splits()->fingerprint(); }
  // As a peer asks.
  Status asked(MessageType type, const std::string& body) {
    std::optional<Status> answer;
    EXPECT_TRUE(desk_->serve(type, body, kProtocolVersion, 0,
                             [&](const Result<std::string>& reply) { answer = reply.status(); }));
    engine_->pump();
    timeline_.run_for_ms(10);
    engine_->pump();
    timeline_.run_for_ms(10);
    return answer.value_or(Status::internal("no answer"));
  }
  std::vector<Status> asked_everything() {
    const uint16_t version = kProtocolVersion;
    engine::RemoveRequest remove;
    remove.id = "e";
    engine::InvalidateRequest invalidate;
    invalidate.dry_run = true;
    invalidate.selector.emplace().any_tag = {"t"};
    return {
        asked(MessageType::find, encode(FindMessage{"e", false, everything(), splits()}, version)),
        asked(MessageType::count_entries, encode(CountEntriesMessage{everything(), splits()}, version)),
        asked(MessageType::list_namespaces,
              encode(ListNamespacesMessage{everything(), "", "", 10, splits()}, version)),
        asked(MessageType::top_entries, encode(TopEntriesMessage{everything(), 3, 3, splits()}, version)),
        asked(MessageType::remove, encode(RemoveMessage{remove, everything(), splits()}, version)),
        asked(MessageType::invalidate,
              encode(InvalidateMessage{invalidate, everything(), splits()}, version)),
        asked(MessageType::drop_namespace,
              encode(DropNamespaceMessage{{"m::4", "", ""}, model::kAllSlots}, version)),
    };
  }
};

TEST_F(GatherTest, WhoMissesWritesSendsTheAskerToAnOwnerThatKnows) {
  start("b", {"a"});
  for (const Status& status : asked_everything())
    EXPECT_EQ(status.code(), StatusCode::failed_precondition) << status.message();
}

TEST_F(GatherTest, ItAnswersWhereNobodyElseCan) {
  start("b", {"a"});
  peers_->unavailable = {"a"};
  for (const Status& status : asked_everything()) EXPECT_TRUE(status.ok()) << status.message();
  start("b", {});
  for (const Status& status : asked_everything()) EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(GatherTest, WhoKnowsAnswers) {
  start("b", {"a", "b"});
  for (const Status& status : asked_everything()) EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(GatherTest, AnOwnerThatKnowsIsWaitedForWhenItsLinkBreaks) {
  start("b", {"a"});
  peers_->unavailable = {"a"};
  std::optional<Status> over;
  start_gather(*context_, *desk_, count_of_one(), [&](const Status& status) { over = status; });
  run(300);
  EXPECT_FALSE(over);
  peers_->unavailable = {};
  run(50);
  ASSERT_EQ(peers_->calls.size(), 1U);
  peers_->calls[0].done(std::string_view(encode(CountReply{5}, kProtocolVersion)));
  EXPECT_TRUE(over && over->ok());
  // But not for long: what this node has is all there is.
  peers_->unavailable = {"a"};
  over.reset();
  start_gather(*context_, *desk_, count_of_one(), [&](const Status& status) { over = status; });
  run(700);
  EXPECT_TRUE(over && over->ok());
  EXPECT_EQ(peers_->calls.size(), 1U);
}

// Reads by id of a node that had just been started again answered what had been deleted while it was away.
TEST_F(GatherTest, ANodeThatLooksForItsClusterWaitsForWhoKnows) {
  start("b", {});
  context_->looking = true;
  std::optional<Status> over;
  start_gather(*context_, *desk_, count_of_one(), [&](const Status& status) { over = status; });
  run(1500);
  EXPECT_FALSE(over);
  EXPECT_TRUE(peers_->calls.empty());
  found({"a"});
  run(50);
  ASSERT_EQ(peers_->calls.size(), 1U);
  EXPECT_EQ(peers_->calls[0].to, "a");
  peers_->calls[0].done(std::string_view(encode(CountReply{5}, kProtocolVersion)));
  EXPECT_TRUE(over && over->ok());
}

// The asker's routes were old: it goes on to the owner that knows.
TEST_F(GatherTest, ARefusalGoesToTheNextOwner) {
  start("x", {"a", "b"});
  std::optional<Status> over;
  uint64_t total = 0;
  Question question;
  question.partitions = [](const model::SplitTable&) { return model::PartitionSet().set(7); };
  question.body = [](const model::Territory& share, uint16_t version) {
    return encode(CountEntriesMessage{share.partitions, share.splits->fingerprint()}, version);
  };
  question.take = [&](std::string_view body) -> Status {
    total += decode<CountReply>(body)->count;
    return {};
  };
  start_gather(*context_, *desk_, std::move(question), [&](const Status& status) { over = status; });
  timeline_.run_for_ms(1);
  ASSERT_EQ(peers_->calls.size(), 1U);
  const NodeId first = peers_->calls[0].to;
  peers_->calls[0].done(Status(StatusCode::failed_precondition, "it has to catch up"));
  timeline_.run_for_ms(25);
  ASSERT_EQ(peers_->calls.size(), 2U);
  EXPECT_NE(peers_->calls[1].to, first);
  peers_->calls[1].done(std::string_view(encode(CountReply{5}, kProtocolVersion)));
  ASSERT_TRUE(over && over->ok());
  EXPECT_EQ(total, 5U);
}

// A namespace was split between the first answers and the last: nobody goes by the old table any more, and
// the rest was asked by it until the question failed (simulator, 414346 and 443160).
class SplitWhileAsked : public GatherTest {
 protected:
  struct Total {
    uint64_t counted = 0;
    int forgotten = 0;
    std::optional<Status> over;
  };
  // Two owners are asked; one answers 5, the other one fails; then the ring has another table, by which the
  // first one answers 3.
  Total play(bool forgets) {
    CoreTest::start("x", {"a", "b"}, {"a", "b"});
    Total total;
    Question question;
    question.partitions = [](const model::SplitTable&) { return model::PartitionSet().set(); };
    question.body = [](const model::Territory& share, uint16_t version) {
      return encode(CountEntriesMessage{share.partitions, share.splits->fingerprint()}, version);
    };
    question.take = [&](std::string_view body) -> Status {
      total.counted += decode<CountReply>(body)->count;
      return {};
    };
    if (forgets) {
      question.forget = [&] {
        ++total.forgotten;
        total.counted = 0;
      };
    }
    start_gather(*context_, *desk_, std::move(question), [&](const Status& status) { total.over = status; });
    run(1);
    EXPECT_EQ(peers_->calls.size(), 2U);
    answer(0, 5);
    peers_->calls[1].done(Status(StatusCode::failed_precondition, "it has to catch up"));
    split();
    run(25);
    EXPECT_EQ(peers_->calls.size(), 3U);
    const auto message = decode<CountEntriesMessage>(peers_->calls[2].body);
    EXPECT_EQ(message->splits, splits());
    EXPECT_TRUE(message->partitions.all());
    answer(2, 3);
    return total;
  }

 private:
  void answer(size_t call, uint64_t count) {
    peers_->calls[call].done(std::string_view(encode(CountReply{count}, kProtocolVersion)));
  }
  void split() {
    const model::SplitTable table({{model::namespace_hash({"m::4", "", ""}), 1}});
    const auto ring = std::make_shared<const Placement>(Placement::build({{"a", 64}, {"b", 64}}, 2, table));
    const auto routes = std::make_shared<const Routes>("x", ring, std::vector<Routes::Ring>{ring}, 2,
                                                       [](const NodeId&) { return true; });
    context_->routes.set(routes, routes);
  }
};

TEST_F(SplitWhileAsked, WhatIsReadIsReadAnew) {
  const Total total = play(true);
  ASSERT_TRUE(total.over && total.over->ok());
  EXPECT_EQ(total.forgotten, 1);
  EXPECT_EQ(total.counted, 3U);
}

TEST_F(SplitWhileAsked, WhatWasRemovedStaysCounted) {
  const Total total = play(false);
  ASSERT_TRUE(total.over && total.over->ok());
  EXPECT_EQ(total.counted, 8U);
}

}  // namespace
}  // namespace ferro::node::cluster
