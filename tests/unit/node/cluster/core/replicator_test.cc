// When a write counts as done, and what happens to copies that a peer cannot take.
#include "node/cluster/core/replicator.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>

#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/core/core_fixture.h"

namespace ferro::node::cluster {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class ReplicatorTest : public CoreTest {
 protected:
  void start_with(WriteConsistency consistency) {
    ClusterOptions options;
    options.write_consistency = consistency;
    options.request_timeout_ms = 1000;
    start("a", {"a", "b", "c"}, {"a", "b", "c"}, options);
  }
  void write() {
    const engine::WriteTag tag = replicator_->open();
    replicator_->on_decided({{tag, 1, model::kAllSlots, std::make_shared<const std::string>("operation")}});
    run(0);
    replicator_->await(tag, [this](Status status) { answer_ = std::move(status); });
  }
  void links_break() {
    peers_->unavailable = {"b", "c"};
    const auto calls = std::exchange(peers_->calls, {});
    for (const RecordingPeers::Call& call : calls) call.done(Status::unavailable("the link broke"));
    run(0);
  }
  void tick_for(int64_t ms) {
    for (int64_t passed = 0; passed < ms; passed += 100) {
      run(100);
      replicator_->tick();
    }
  }
  void confirm(size_t call) {
    const auto done = peers_->calls.at(call).done;
    done(std::string_view());
  }

  std::optional<Status> answer_;
};

// A node that lost all its links for a moment refused what it was deciding, though every owner was there.
TEST_F(ReplicatorTest, AMajorityIsAwaitedOverABrokenLink) {
  start_with(WriteConsistency::quorum);
  write();
  EXPECT_THAT(peers_->asked(), UnorderedElementsAre("b", "c"));
  links_break();
  EXPECT_FALSE(answer_);
  tick_for(300);
  EXPECT_THAT(peers_->calls, IsEmpty()) << "nobody who does not answer is asked";
  peers_->unavailable = {"c"};
  tick_for(100);
  ASSERT_THAT(peers_->asked(), UnorderedElementsAre("b"));
  confirm(0);
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(answer_->ok());
  tick_for(100);
  EXPECT_EQ(replicator_->hints().count(), 1U) << "two of three have it, the third gets it later";
}

TEST_F(ReplicatorTest, AlsoWhatIsDecidedWhileTheyAreAway) {
  start_with(WriteConsistency::quorum);
  peers_->unavailable = {"b", "c"};
  write();
  EXPECT_FALSE(answer_);
  peers_->unavailable = {};
  tick_for(100);
  ASSERT_THAT(peers_->calls, SizeIs(2));
  confirm(1);
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(answer_->ok());
}

TEST_F(ReplicatorTest, AMajorityThatStaysAwayIsAwaitedNoLongerThanARequestMayTake) {
  start_with(WriteConsistency::quorum);
  write();
  links_break();
  tick_for(1000);
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->code(), StatusCode::unreachable);
  EXPECT_EQ(replicator_->hints().count(), 2U);
}

TEST_F(ReplicatorTest, AllWhoLiveDoesNotWaitForWhoIsAway) {
  start_with(WriteConsistency::all);
  write();
  links_break();
  ASSERT_TRUE(answer_);
  EXPECT_TRUE(answer_->ok());
  EXPECT_EQ(replicator_->hints().count(), 2U);
}

// A node that had just started decided by the ring that it remembered: owners of today did not hear of it
// (simulator, 507486).
TEST_F(ReplicatorTest, WhoLooksForItsClusterDecidesNothing) {
  start_with(WriteConsistency::one);
  EXPECT_TRUE(replicator_->may_decide().ok());
  context_->looking = true;
  EXPECT_EQ(replicator_->may_decide().code(), StatusCode::unavailable) << "another owner is asked";
  context_->looking = false;
  EXPECT_TRUE(replicator_->may_decide().ok());
}

}  // namespace
}  // namespace ferro::node::cluster
