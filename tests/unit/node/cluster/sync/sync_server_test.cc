#include "node/cluster/sync/sync_server.h"

#include <gtest/gtest.h>

#include <string>

#include "node/cluster/wire/codec.h"
#include "node/model/partition.h"
#include "tests/unit/node/cluster/sync/sync_world.h"

namespace ferro::node::cluster {
namespace {

class SyncServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world.add("a");
    world.add("b");
    world.one_ring({"a", "b"});
  }
  Result<std::string> ask(MessageType type, std::string body) {
    Result<std::string> answer = Status::internal("no answer");
    bool answered = false;
    world.at("a").peers->call("b", type, std::move(body), 2000, [&](Result<std::string_view> got) {
      answer = got.ok() ? Result<std::string>(std::string(*got)) : Result<std::string>(got.status());
      answered = true;
    });
    EXPECT_TRUE(world.run_until([&] { return answered; }, 5000));
    return answer;
  }
  template <typename Reply, typename Message>
  Result<Reply> ask(MessageType type, const Message& message) {
    const Result<std::string> body = ask(type, encode(message));
    if (!body.ok()) return body.status();
    return decode<Reply>(*body);
  }

  SyncWorld world;
};

TEST_F(SyncServerTest, NonsenseIsRefused) {
  for (const MessageType type :
       {MessageType::digests, MessageType::versions, MessageType::fetch, MessageType::apply}) {
    EXPECT_EQ(ask(type, "nonsense").status().code(), StatusCode::invalid_argument);
  }
  EXPECT_EQ(ask<ApplyReply>(MessageType::apply, ApplyMessage{{"no operation"}}).status().code(),
            StatusCode::invalid_argument);
}

TEST_F(SyncServerTest, AskingLeavesNoTrace) {
  EXPECT_TRUE(ask<DigestsReply>(MessageType::digests, DigestsMessage{{{7, 1}}}).ok());
  EXPECT_TRUE(world.at("b").held().empty());
}

TEST_F(SyncServerTest, AnEmptyPartitionIsListedAsEmpty) {
  const auto reply = ask<DigestsReply>(MessageType::digests, DigestsMessage{{{7, 1}, {8, 0}}});
  ASSERT_TRUE(reply.ok());
  ASSERT_EQ(reply->differing.size(), 1U);
  EXPECT_EQ(reply->differing[0].partition, 7);
  EXPECT_TRUE(reply->differing[0].namespaces.empty());
  EXPECT_TRUE(reply->differing[0].complete);
}

TEST_F(SyncServerTest, ManyNamespacesAreListedInSeveralAnswers) {
  SyncNode& b = world.at("b");
  for (int n = 0; n < 9000; ++n) b.put("m" + std::to_string(n), "e");
  DigestsMessage message;
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition)
    message.items.push_back({partition, 1});
  const auto reply = ask<DigestsReply>(MessageType::digests, message);
  ASSERT_TRUE(reply.ok());
  size_t listed = 0;
  size_t put_off = 0;
  for (const auto& item : reply->differing) {
    listed += item.namespaces.size();
    put_off += item.complete ? 0 : 1;
    EXPECT_TRUE(item.complete || item.namespaces.empty());
  }
  EXPECT_LE(listed, 8192U);
  EXPECT_GT(listed, 8000U);
  EXPECT_GT(put_off, 0U);
  // Whoever asks on gets all of it.
  SyncNode& c = world.add("c");
  world.one_ring({"a", "b"});
  ASSERT_TRUE(world.run_until([&] { return !c.caught_up.empty(); }));
  EXPECT_EQ(c.entries(), 9000U);
}

TEST_F(SyncServerTest, AFetchAnswersOneMessageful) {
  SyncNode& b = world.at("b");
  FetchMessage message{key_of("m"), {}};
  for (int i = 0; i < 100; ++i) {
    b.put("m", "e" + std::to_string(i), std::string(50'000, 'x'));
    message.ids.push_back("e" + std::to_string(i));
  }
  const auto reply = ask<FetchReply>(MessageType::fetch, message);
  ASSERT_TRUE(reply.ok());
  EXPECT_GE(reply->operations.size(), 20U);
  EXPECT_LT(reply->operations.size(), 45U);
}

TEST_F(SyncServerTest, AStampFromTheFutureIsRefused) {
  std::string bytes;
  model::encode(model::DeleteOp{key_of("m"), "e", {UINT64_MAX / 2, 1}, model::DeleteReason::requested, 0},
                bytes);
  EXPECT_EQ(ask<ApplyReply>(MessageType::apply, ApplyMessage{{bytes}}).status().code(),
            StatusCode::invalid_argument);
}

}  // namespace
}  // namespace ferro::node::cluster
