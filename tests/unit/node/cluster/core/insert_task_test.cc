// Whom an insert is sent to, and for how long each is waited for.
#include "node/cluster/core/insert_task.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/core/core_fixture.h"

namespace ferro::node::cluster {
namespace {

using ::testing::SizeIs;

class InsertTaskTest : public CoreTest {
 protected:
  void insert() {
    engine::InsertRequest request;
    request.ns = {"m::4", "", ""};
    request.id = "e";
    request.unit_vector = engine::unit_at(0);
    std::vector<engine::InsertRequest> items;
    items.push_back(std::move(request));
    start_insert(*context_, *owner_, std::move(items),
                 [this](Owner::InsertResults results) { answer_ = std::move(results.front()); });
    run(1);
  }

  std::optional<Result<std::string>> answer_;
};

// It waited for two timeouts, though the owner had to decide within one.
TEST_F(InsertTaskTest, AnOwnerThatHangsIsWaitedForOnceAndThenTheNextIsAsked) {
  ClusterOptions options;
  options.request_timeout_ms = 1000;
  start("x", {"a", "b"}, {"a", "b"}, options);
  insert();
  ASSERT_THAT(peers_->calls, SizeIs(1));
  EXPECT_EQ(peers_->calls[0].wait.decide_ms, 1000);
  EXPECT_EQ(peers_->calls[0].wait.answer_ms, 2000);  // it may wait for a copy itself
  peers_->calls[0].done(Status::unavailable("silent"));
  run(1);
  ASSERT_THAT(peers_->calls, SizeIs(2));
  EXPECT_NE(peers_->calls[1].to, peers_->calls[0].to);
  EXPECT_EQ(decode<InsertMessage>(peers_->calls[1].body)->items.front().id, "e");
  InsertReply reply;
  reply.items.push_back({Status(), "e"});
  peers_->calls[1].done(std::string_view(encode(reply, kProtocolVersion)));
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->value(), "e");
}

}  // namespace
}  // namespace ferro::node::cluster
