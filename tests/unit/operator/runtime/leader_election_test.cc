#include "operator/runtime/leader_election.h"

#include <gmock/gmock.h>

#include <map>

#include "operator/k8s/resources.h"
#include "operator/k8s/rest_client.h"
#include "tests/fakes/kube_api/in_process_transport.h"
#include "tests/fakes/kube_api/manual_waiter.h"
#include "tests/fakes/timeline.h"

namespace ferro::oper::runtime {
namespace {

using fakes::kube::Fault;
using fakes::kube::RequestFacts;
using k8s::Json;
using testing::ElementsAre;

// One process: its own way to the server, its own client for the lease, and a gated one for everything else.
struct Process {
  Process(fakes::kube::ApiServer& server, ManualClock& clock, std::string name)
      : waiter(clock),
        transport(server, {.pass_time = [&clock](int64_t ms) { clock.advance_ms(ms); }}),
        lease_client(transport, clock, waiter, nullptr, {.timeout_ms = 5'000, .queries_per_second = 0}),
        election(lease_client, clock, {.ns = "default", .name = "op", .identity = std::move(name)},
                 [this](bool leads) { told.push_back(leads); }),
        gated(transport, election),
        client(gated, clock, waiter, nullptr, {.queries_per_second = 0}) {}

  bool write() {
    return client.apply(k8s::kConfigMaps, {{"metadata", {{"name", "m"}, {"namespace", "default"}}}}).ok();
  }

  std::vector<bool> told;
  fakes::kube::ManualWaiter waiter;
  fakes::kube::InProcessTransport transport;
  k8s::RestClient lease_client;
  LeaderElection election;
  k8s::GatedTransport gated;
  k8s::RestClient client;
};

class LeaderElectionTest : public testing::Test {
 protected:
  std::string holder() {
    const auto lease = server_.get("leases", "default", "op");
    return lease ? lease->at("spec").value("holderIdentity", "") : "none";
  }
  ManualClock clock_;
  fakes::kube::ApiServer server_{clock_};
  Process a_{server_, clock_, "a"}, b_{server_, clock_, "b"};
};

TEST_F(LeaderElectionTest, TheFirstTakesItAndTheSecondWaits) {
  EXPECT_FALSE(a_.write()) << "nobody writes before it leads";
  EXPECT_EQ(a_.election.step(), 2'000);
  EXPECT_EQ(b_.election.step(), 2'000);
  EXPECT_TRUE(a_.election.still_leader());
  EXPECT_FALSE(b_.election.still_leader());
  EXPECT_EQ(b_.election.holder(), "a");
  EXPECT_THAT(a_.told, ElementsAre(true));
  EXPECT_TRUE(b_.told.empty());
  EXPECT_TRUE(a_.write());
  EXPECT_FALSE(b_.write());
  const Json lease = *server_.get("leases", "default", "op");
  EXPECT_EQ(lease.at("spec").at("leaseDurationSeconds"), 15);
}

TEST_F(LeaderElectionTest, ALeaderThatRenewsKeepsItForAsLongAsItRenews) {
  for (int i = 0; i < 100; ++i) {
    a_.election.step();
    b_.election.step();
    clock_.advance_ms(2'000);
  }
  EXPECT_TRUE(a_.election.still_leader());
  EXPECT_FALSE(b_.election.still_leader());
}

TEST_F(LeaderElectionTest, ALostLeaderStopsWritingBeforeAnotherStarts) {
  a_.election.step();
  b_.election.step();
  a_.transport.cut_off(true);
  int64_t a_stopped = -1, b_started = -1;
  for (int64_t now = 0; now < 60'000 && b_started < 0; now += 500) {
    if (now % 2'000 == 0) {
      a_.election.step();
      b_.election.step();
    }
    if (a_stopped < 0 && a_.election.write_allowance_ms() == 0) a_stopped = now;
    if (b_.election.still_leader()) b_started = now;
    EXPECT_FALSE(a_.election.write_allowance_ms() > 0 && b_.election.write_allowance_ms() > 0);
    clock_.advance_ms(500);
  }
  EXPECT_EQ(a_stopped, 10'000);
  EXPECT_GE(b_started, 14'000);
  EXPECT_TRUE(a_.election.lost());
  EXPECT_THAT(a_.told, ElementsAre(true, false));
  EXPECT_EQ(holder(), "b");
  a_.transport.cut_off(false);
  EXPECT_LT(a_.election.step(), 0) << "a lost leader does not come back in this life";
  EXPECT_FALSE(a_.write());
  EXPECT_TRUE(b_.write());
}

TEST_F(LeaderElectionTest, LeadershipEndsWithTimeAloneEvenIfNoStepRuns) {
  a_.election.step();
  clock_.advance_ms(9'998);
  EXPECT_TRUE(a_.election.still_leader());
  EXPECT_GT(a_.election.write_allowance_ms(), 0);
  clock_.advance_ms(3);
  EXPECT_FALSE(a_.election.still_leader());
  EXPECT_EQ(a_.election.write_allowance_ms(), 0);
}

TEST_F(LeaderElectionTest, AWriteIsGivenNoMoreTimeThanTheLeaseHas) {
  a_.election.step();
  EXPECT_NEAR(static_cast<double>(a_.election.write_allowance_ms()), 14'000, 1);
  clock_.advance_ms(9'000);
  EXPECT_NEAR(static_cast<double>(a_.election.write_allowance_ms()), 5'000, 1);
}

TEST_F(LeaderElectionTest, GivingUpFreesItAtOnce) {
  a_.election.step();
  b_.election.step();
  a_.election.release();
  EXPECT_FALSE(a_.write());
  EXPECT_THAT(a_.told, ElementsAre(true, false));
  EXPECT_EQ(holder(), "");
  EXPECT_LT(a_.election.step(), 0);
  b_.election.step();
  EXPECT_TRUE(b_.election.still_leader());
  EXPECT_EQ(server_.get("leases", "default", "op")->at("spec").at("leaseTransitions"), 1);
}

TEST_F(LeaderElectionTest, TheClockOfTheOtherDoesNotCount) {
  a_.election.step();
  // The record says that it was renewed in another century; what counts is when it was seen to change.
  server_.edit("t", "leases", "default", "op",
               [](Json& lease) { lease["spec"]["renewTime"] = "1999-01-01T00:00:00.000000Z"; });
  b_.election.step();
  clock_.advance_ms(8'000);
  b_.election.step();
  EXPECT_FALSE(b_.election.still_leader());
  clock_.advance_ms(7'001);
  b_.election.step();
  EXPECT_TRUE(b_.election.still_leader());
}

TEST_F(LeaderElectionTest, TwoThatSeeItFreeAtOnceDoNotBothGetIt) {
  a_.election.step();
  a_.election.release();
  Process c(server_, clock_, "c");
  // b writes between c's reading and c's writing.
  bool once = true;
  server_.set_faults([&](const RequestFacts& facts) -> Fault {
    if (facts.verb == "update" && std::exchange(once, false))
      return {.kind = Fault::Kind::answer, .status = 409};
    return {};
  });
  b_.election.step();
  c.election.step();
  EXPECT_FALSE(b_.election.still_leader());
  EXPECT_TRUE(c.election.still_leader());
}

TEST_F(LeaderElectionTest, ALeaseTakenByForceIsLostAtTheNextStep) {
  a_.election.step();
  server_.edit("t", "leases", "default", "op",
               [](Json& lease) { lease["spec"]["holderIdentity"] = "intruder"; });
  EXPECT_LT(a_.election.step(), 0);
  EXPECT_FALSE(a_.election.still_leader());
  EXPECT_TRUE(a_.election.lost());
}

TEST_F(LeaderElectionTest, AConflictOfOnesOwnIsNoLoss) {
  a_.election.step();
  bool once = true;
  server_.set_faults([&](const RequestFacts& facts) -> Fault {
    if (facts.verb == "update" && std::exchange(once, false))
      return {.kind = Fault::Kind::answer, .status = 409};
    return {};
  });
  EXPECT_EQ(a_.election.step(), 2'000);
  EXPECT_TRUE(a_.election.still_leader());
  EXPECT_EQ(a_.election.step(), 2'000);
}

TEST_F(LeaderElectionTest, ALeaseWithoutMeaningIsTaken) {
  for (const Json& spec : {Json(nullptr), Json::object(), Json{{"holderIdentity", 7}},
                           Json{{"holderIdentity", ""}, {"leaseDurationSeconds", "x"}}}) {
    server_.finish_deletion("leases", "default", "op");
    Json lease = {{"metadata", {{"name", "op"}, {"namespace", "default"}}}};
    if (!spec.is_null()) lease["spec"] = spec;
    server_.create("t", "leases", lease);
    Process c(server_, clock_, "c");
    c.election.step();
    EXPECT_TRUE(c.election.still_leader()) << spec;
  }
}

// Cause: the largest duration overflowed, became a negative one, and the lease was taken from its holder at
// once.
TEST_F(LeaderElectionTest, ADurationOfCenturiesKeepsOthersOutForAnHourAndNotForEver) {
  for (const int64_t seconds : {int64_t{1} << 50, INT64_MAX}) {
    server_.finish_deletion("leases", "default", "op");
    server_.create(
        "t", "leases",
        {{"metadata", {{"name", "op"}, {"namespace", "default"}}},
         {"spec",
          {{"holderIdentity", "x"}, {"leaseDurationSeconds", seconds}, {"leaseTransitions", INT64_MAX}}}});
    Process d(server_, clock_, "d");
    d.election.step();
    EXPECT_FALSE(d.election.still_leader()) << seconds;
    clock_.advance_ms(3'599'999);
    d.election.step();
    EXPECT_FALSE(d.election.still_leader()) << seconds;
    clock_.advance_ms(1);
    d.election.step();
    EXPECT_TRUE(d.election.still_leader()) << seconds;
    EXPECT_EQ(server_.get("leases", "default", "op")->at("spec").at("leaseTransitions"), INT32_MAX);
  }
}

TEST(LeaderElectionFaults, AtMostOneMayWriteAtAnyMomentAndOneDoesOnceTheFaultsStop) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    fakes::Chance chance(seed);
    ManualClock clock;
    fakes::kube::ApiServer server(clock);
    server.set_faults(fakes::kube::seeded_faults(seed, 0.3));
    std::vector<std::unique_ptr<Process>> processes;
    std::map<Process*, int64_t> next;
    int64_t now = 0;
    const auto start = [&] {
      processes.push_back(std::make_unique<Process>(server, clock, "p" + std::to_string(processes.size())));
      next[processes.back().get()] = now;
    };
    for (int i = 0; i < 3; ++i) start();
    for (int round = 0; round < 600; ++round) {
      if (round == 500) {
        server.set_faults({});
        for (const auto& process : processes) process->transport.cut_off(false);
      }
      int writers = 0;
      for (const auto& process : processes) writers += process->election.write_allowance_ms() > 0 ? 1 : 0;
      ASSERT_LE(writers, 1) << "round " << round;
      for (size_t i = 0; i < processes.size(); ++i) {
        Process& process = *processes[i];
        if (round < 500 && chance.happens(0.02)) process.transport.cut_off(chance.happens(0.5));
        if (next[&process] > now) continue;
        int64_t wait = -1;
        if (round < 500 && chance.happens(0.003)) {
          process.election.release();
        } else {
          wait = process.election.step();
        }
        // One that lost it or gave it up has ended; another process takes its place.
        next[&process] = wait < 0 ? INT64_MAX : now + wait;
        if (wait < 0) start();
      }
      const auto pass = static_cast<int64_t>(chance.below(1'500));
      clock.advance_ms(pass);
      now += pass;
    }
    int leaders = 0;
    for (const auto& process : processes) leaders += process->election.still_leader() ? 1 : 0;
    EXPECT_EQ(leaders, 1);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ferro::oper::runtime
