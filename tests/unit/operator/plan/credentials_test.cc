// Authorities, leaves and tokens: what is waited for, and what never is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/plan/confirm.h"
#include "operator/plan/limits.h"
#include "tests/unit/operator/plan/worlds.h"

namespace ferro::oper::plan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

World publishing() {
  World world = healthy();
  world.cluster.spec.tls.replace_ca_generation = 1;
  world.pki.replaced_generation = 1;
  world.pki.next = Authority{2, "ca-2", kNow - 300, kNow + 365 * kDay};
  world.pki.published = {"ca-1", "ca-2"};
  return world;
}

World dropping() {
  World world = publishing();
  world.pki.previous = world.pki.current;
  world.pki.current = world.pki.next;
  world.pki.next.reset();
  for (auto& [ordinal, leaf] : world.pki.leaves) {
    leaf = {"new-leaf-" + std::to_string(ordinal), "ca-2", kNow - 300, kNow + 30 * kDay, true};
    report_of(world, ordinal).certificate_fingerprint = leaf.fingerprint;
    report_of(world, ordinal).trusted_fingerprints = {"ca-1", "ca-2"};
  }
  return world;
}

TEST(Authority, IsReplacedWhenAskedOrOld) {
  World world = healthy();
  world.cluster.spec.tls.replace_ca_generation = 3;
  Plan plan = make_plan(world, kNow);
  ASSERT_THAT(names(plan), ElementsAre("PublishNextAuthority"));
  EXPECT_EQ(find<PublishNextAuthority>(plan)->generation, 2);
  EXPECT_EQ(find<PublishNextAuthority>(plan)->replaced_generation, 3);

  world = healthy();
  EXPECT_THAT(names(make_plan(world, kNow + 324 * kDay)), Not(Contains("PublishNextAuthority")));
  EXPECT_THAT(names(make_plan(world, kNow + 326 * kDay)), Contains("PublishNextAuthority"));
}

TEST(Authority, MadeUnderShorterTermsIsNotDueAtOnce) {
  World world = healthy();
  world.pki.current->not_after_unix = kNow + 5 * kDay;  // of 15 days; caRenewBefore is 30
  EXPECT_THAT(names(make_plan(world, kNow - 3 * kDay)), IsEmpty()) << "half of its life is not over";
  EXPECT_THAT(names(make_plan(world, kNow)), Contains("PublishNextAuthority"));
}

TEST(Authority, IsPromotedWhenEveryMemberTrustsIt) {
  World world = publishing();
  for (int64_t ordinal = 0; ordinal < 2; ++ordinal)
    report_of(world, ordinal).trusted_fingerprints = {"ca-1", "ca-2"};
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), ElementsAre("ReplaceCA/TrustNotLoaded/demo-2"));
  EXPECT_EQ(plan.status.tls_phase, "PublishingTrust");
  EXPECT_LE(plan.next_look_ms, 5000);
  report_of(world, 2).trusted_fingerprints = {"ca-2", "ca-1"};
  plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("PromoteAuthority"));
}

// Members and clients read the same Secret, each through a kubelet of its own: with the members' word alone,
// clients were shown certificates that they did not trust yet.
TEST(Authority, ClientsOfHttpsAreGivenTheTimeToReadIt) {
  World world = publishing();
  world.cluster.spec.tls.client_tls = true;
  world.pki.next->not_before_unix = kNow - kBackdateS - 20;
  EXPECT_THAT(blockers(make_plan(world, kNow)),
              ElementsAre("ReplaceCA/TrustNotLoaded/demo-0", "ReplaceCA/TrustNotLoaded"));
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal)
    report_of(world, ordinal).trusted_fingerprints = {"ca-1", "ca-2"};
  const Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), ElementsAre("ReplaceCA/TrustNotLoaded"));
  EXPECT_LE(plan.next_look_ms, 5000);
  EXPECT_THAT(names(make_plan(world, kNow + kSecretSpreadS)), ElementsAre("PromoteAuthority"));
  world.cluster.spec.tls.client_tls = false;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("PromoteAuthority"));
  // Whoever waits for the end of the present one loses more.
  world.cluster.spec.tls.client_tls = true;
  world.pki.current->not_after_unix = kNow + kDay;
  EXPECT_THAT(names(make_plan(world, kNow)), Contains("PromoteAuthority"));
}

TEST(Authority, ClientsOfHttpsReadTheOneThatIsMadeForALostOne) {
  World world = healthy();
  world.cluster.spec.tls.client_tls = true;
  world.pki.current = Authority{2, "ca-9", kNow - 300, kNow + 365 * kDay};
  world.pki.previous = Authority{1, "ca-1", kNow - 10 * kDay, kNow + 355 * kDay};
  world.pki.published = {"ca-9", "ca-1"};
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal)
    report_of(world, ordinal).trusted_fingerprints = {"ca-1", "ca-9"};
  EXPECT_THAT(blockers(make_plan(world, kNow)), ElementsAre("RenewCertificates/TrustNotLoaded"));
  EXPECT_THAT(names(make_plan(world, kNow + kSecretSpreadS)), ElementsAre("IssueLeaves"));
}

TEST(Authority, AnchorsThatTheBundleLacksAreAddedBeforeAnythingElse) {
  World world = publishing();
  world.pki.published = {"ca-1"};
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal)
    report_of(world, ordinal).trusted_fingerprints = {"ca-1", "ca-2"};
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("RepublishTrust"));
}

TEST(Authority, ASilentMemberIsWaitedForAsItsClientsDemand) {
  struct Case {
    const char* what;
    void (*hurt)(World&);
    int64_t age_s;  // of the published authority
    bool promoted;
  };
  const Case cases[] = {
      {"just lost", [](World& w) { lose_pod(w, 2); }, 300, false},
      {"lost for longer than a kubelet takes", [](World& w) { lose_pod(w, 2); }, 901, true},
      {"its image cannot be pulled, and its volume may be old",
       [](World& w) {
         break_pod(w, 2, "ImagePullBackOff");
         pod_of(w, 2).never_ran = true;
       },
       119, false},
      {"its image cannot be pulled",
       [](World& w) {
         break_pod(w, 2, "ImagePullBackOff");
         pod_of(w, 2).never_ran = true;
       },
       120, true},
      {"never scheduled",
       [](World& w) {
         lose_pod(w, 2);
         pod_of(w, 2).scheduled = false;
       },
       300, true},
      {"terminating on a lost host",
       [](World& w) {
         lose_pod(w, 2);
         pod_of(w, 2).terminating = true;
       },
       300, true},
      {"serving, unreachable for the operator", [](World& w) { silence(w, 2); }, 10 * 3600, false},
  };
  for (const Case& one : cases) {
    World world = publishing();
    for (int64_t ordinal = 0; ordinal < 3; ++ordinal)
      report_of(world, ordinal).trusted_fingerprints = {"ca-1", "ca-2"};
    world.pki.next->not_before_unix = kNow - kBackdateS - one.age_s;
    one.hurt(world);
    EXPECT_EQ(find<PromoteAuthority>(make_plan(world, kNow)) != nullptr, one.promoted) << one.what;
  }
  // When the authority itself is about to end, waiting would cut everybody off.
  World world = publishing();
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal)
    report_of(world, ordinal).trusted_fingerprints = {"ca-1", "ca-2"};
  silence(world, 2);
  world.pki.current->not_after_unix = kNow + kDay;
  EXPECT_THAT(names(make_plan(world, kNow)), Contains("PromoteAuthority"));
}

TEST(Authority, IsDroppedWhenEveryMemberServesItsNewCertificate) {
  World world = dropping();
  report_of(world, 1).certificate_fingerprint = "leaf-1";
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), ElementsAre("ReplaceCA/LeafNotServed/demo-1"));
  EXPECT_EQ(plan.status.tls_phase, "DroppingOld");
  report_of(world, 1).certificate_fingerprint = "new-leaf-1";
  report_of(world, 1).client_certificate_fingerprint = "leaf-1";
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty()) << "clients still see the former certificate";
  report_of(world, 1).client_certificate_fingerprint = "new-leaf-1";
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("DropPreviousAuthority"));
}

// While no pod was seen the former authority was dropped before certificates were issued anew: pods that were
// just being made started with certificates that nobody trusted.
TEST(Authority, IsNotDroppedWhileACertificateOfItIsThereForAPodToStartWith) {
  World world = healthy();
  world.pods.clear();
  world.pki.previous = world.pki.current;
  world.pki.current = Authority{2, "ca-2", kNow - 60, kNow + 365 * kDay};
  world.pki.published = {"ca-1", "ca-2"};
  EXPECT_EQ(find<DropPreviousAuthority>(make_plan(world, kNow)), nullptr);
  EXPECT_NE(find<IssueLeaves>(make_plan(world, kNow)), nullptr);
  for (auto& [ordinal, leaf] : world.pki.leaves) leaf.issuer_fingerprint = "ca-2";
  EXPECT_NE(find<DropPreviousAuthority>(make_plan(world, kNow)), nullptr);
}

TEST(Authority, StrayAnchorsOfAStepThatWasCutShortAreDropped) {
  World world = dropping();
  world.pki.previous.reset();
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("DropPreviousAuthority"));
}

TEST(Authority, AnotherReplacementWaitsForTheRunningOne) {
  World world = dropping();
  report_of(world, 1).certificate_fingerprint = "leaf-1";
  world.cluster.spec.tls.replace_ca_generation = 2;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
}

TEST(Authority, DamagedIsNeverOverwritten) {
  World world = healthy();
  world.pki.damaged = "demo-ca: key tls.key cannot be read";
  world.pki.current.reset();
  const Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), Contains("ReplaceCA/AuthorityDamaged"));
  EXPECT_EQ(condition(plan, "CertificatesReady").status, "False");
}

TEST(Authority, LostIsMadeAnewAndItsLeavesWaitForTrust) {
  World world = healthy();
  world.pki.current.reset();
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("CreateAuthority"));
  world.pki.current = Authority{2, "ca-9", kNow - 300, kNow + 365 * kDay};
  world.pki.previous = Authority{1, "ca-1", kNow - 10 * kDay, kNow + 355 * kDay};
  world.pki.published = {"ca-9", "ca-1"};
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), ElementsAre("RenewCertificates/TrustNotLoaded/demo-0"));
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal)
    report_of(world, ordinal).trusted_fingerprints = {"ca-1", "ca-9"};
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("IssueLeaves"));
  // Nobody trusts the operator's own certificate yet, so nobody answers: that must end.
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal) silence(world, ordinal);
  EXPECT_THAT(names(make_plan(world, kNow)), Not(Contains("IssueLeaves")));
  EXPECT_THAT(names(make_plan(world, kNow + 1000)), Contains("IssueLeaves"));
}

// NAME-ca and NAME-trust were lost both: no bundle has the anchor of what members serve, so that nobody can
// answer and waiting for an answer would only keep them apart.
TEST(Authority, LostWithItsBundleDoesNotWaitForTrust) {
  World world = healthy();
  world.pki.current = Authority{2, "ca-9", kNow - 1, kNow + 365 * kDay};
  world.pki.published = {"ca-9"};
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal) silence(world, ordinal);
  EXPECT_THAT(names(make_plan(world, kNow)), Contains("IssueLeaves"));
  world.pki.leaves.clear();  // NAME-tls too
  EXPECT_THAT(names(make_plan(world, kNow)), Contains("IssueLeaves"));
  // With a bundle that has the anchor they are trusted as they are, and wait.
  world.pki.previous = Authority{1, "ca-1", kNow - 10 * kDay, kNow + 355 * kDay};
  world.pki.published = {"ca-9", "ca-1"};
  EXPECT_THAT(names(make_plan(world, kNow)), Not(Contains("IssueLeaves")));
}

TEST(Leaves, AreDueForTheseReasons) {
  struct Case {
    const char* what;
    void (*change)(World&);
    std::vector<int64_t> ordinals;
  };
  const Case cases[] = {
      {"asked for", [](World& w) { w.cluster.spec.tls.rotate_generation = 1; }, {0, 1, 2}},
      {"near its end", [](World& w) { w.pki.leaves[1].not_after_unix = kNow + 9 * kDay; }, {1}},
      {"other names", [](World& w) { w.pki.leaves[2].names_match = false; }, {2}},
      {"absent", [](World& w) { w.pki.leaves.erase(0); }, {0}},
      {"valid for longer than is allowed now",
       [](World& w) {
         w.cluster.spec.tls.cert_validity_s = 10 * kDay;
         w.cluster.spec.tls.cert_renew_before_s = 3 * kDay;
       },
       {0, 1, 2}},
      {"a member is to come", [](World& w) { w.cluster.spec.replicas = 4; }, {3}},
  };
  for (const Case& one : cases) {
    World world = healthy();
    one.change(world);
    const Plan plan = make_plan(world, kNow);
    ASSERT_NE(find<IssueLeaves>(plan), nullptr) << one.what;
    EXPECT_EQ(find<IssueLeaves>(plan)->ordinals, one.ordinals) << one.what;
  }
}

TEST(Leaves, ExpiredOnesAreRenewedThoughNobodyCanAnswer) {
  World world = healthy();
  for (auto& [ordinal, leaf] : world.pki.leaves) leaf.not_after_unix = kNow - 1;
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal) lose_pod(world, ordinal);
  const Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("IssueLeaves"));
  EXPECT_EQ(condition(plan, "CertificatesReady").reason, "CertificateExpired");
}

// Cause: the condition said Renewing for half a minute after the last node had loaded its certificate.
TEST(Leaves, ThatNodesStillHaveToLoadAreLookedAtSoon) {
  World world = healthy();
  world.pki.leaves[1].fingerprint = "leaf-1b";
  world.pki.leaves[1].not_before_unix = kNow - 300;
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_EQ(condition(plan, "CertificatesReady").reason, "Renewing");
  EXPECT_EQ(plan.next_look_ms, kLookUnderWayMs);
  EXPECT_EQ(make_plan(world, kNow + kSilentPatienceS).next_look_ms, kLookAtRestMs)
      << "that node needs a person";
  report_of(world, 1).certificate_fingerprint = "leaf-1b";
  plan = make_plan(world, kNow);
  EXPECT_EQ(condition(plan, "CertificatesReady").reason, "Issued");
  EXPECT_EQ(plan.next_look_ms, kLookAtRestMs);
}

TEST(Leaves, AreRenewedInAPausedClusterAndNothingElseIs) {
  World world = healthy();
  world.cluster.spec.paused = true;
  world.cluster.spec.tls.rotate_generation = 1;
  world.cluster.spec.auth.rotate_generation = 1;
  world.cluster.spec.replicas = 5;
  world.desired_template_hash = "t2";
  world.missing = {"Service/demo"};
  const Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("IssueLeaves"));
  EXPECT_EQ(plan.status.phase, "Paused");
  EXPECT_EQ(condition(plan, "Paused").status, "True");
}

World minted() {
  World world = healthy();
  world.tokens.newest_generation = 2;
  world.tokens.minted_unix = kNow - 30;
  return world;
}

World switched() {
  World world = minted();
  world.tokens.current_generation = 2;
  world.tokens.previous_generation = 1;
  world.tokens.switched_unix = kNow - 10;
  world.cluster.spec.auth.overlap_s = 3600;
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal) {
    report_of(world, ordinal).token_generation = 2;
    report_of(world, ordinal).token_last_used_unix = {{1, kNow - 20}, {2, kNow}};
  }
  return world;
}

TEST(Token, IsMintedWhenAskedOrOld) {
  World world = healthy();
  world.cluster.spec.auth.rotate_generation = 4;
  const Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("MintToken"));
  EXPECT_EQ(find<MintToken>(plan)->generation, 2);
  EXPECT_EQ(find<MintToken>(plan)->rotated_generation, 4);
  world = healthy();
  world.cluster.spec.auth.rotation_interval_s = 11 * kDay;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  EXPECT_THAT(names(make_plan(world, kNow + kDay)), Contains("MintToken"));
}

TEST(Token, IsGivenToClientsWhenEveryMemberAcceptsIt) {
  World world = minted();
  report_of(world, 0).token_generation = report_of(world, 1).token_generation = 2;
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), ElementsAre("RotateToken/TokenNotLoaded/demo-2"));
  report_of(world, 2).token_generation = 2;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("SwitchToken"));
}

TEST(Token, AMemberThatAsksNobodyForOneHasNoSay) {
  World world = minted();
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal) report_of(world, ordinal).auth_enabled = false;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("SwitchToken"));
}

TEST(Token, AServingMemberThatDoesNotAnswerIsWaitedForWithoutEnd) {
  World world = minted();
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal) report_of(world, ordinal).token_generation = 2;
  silence(world, 1);
  const Plan plan = make_plan(world, kNow + kDay);
  EXPECT_EQ(find<SwitchToken>(plan), nullptr);
  EXPECT_THAT(blockers(plan), Contains("RotateToken/MemberUnreachable/demo-1"));
}

TEST(Token, TheFormerOneEndsAfterItsOverlapWhenNobodySendsIt) {
  World world = switched();
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  EXPECT_THAT(names(make_plan(world, kNow + 3595)), ElementsAre("DropOldToken"));
  report_of(world, 1).token_last_used_unix[1] = kNow + 3590;
  Plan plan = make_plan(world, kNow + 3595);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), ElementsAre("RotateToken/OldTokenInUse/demo-1"));
  // Looked at again when it would be unused, not every second of the hours that clients may go on.
  report_of(world, 1).token_last_used_unix[1] = kNow + 3595 - 50;
  EXPECT_EQ(make_plan(world, kNow + 3595).next_look_ms, 10'001);
  report_of(world, 1).token_last_used_unix[1] = kNow + 3595;
  EXPECT_EQ(make_plan(world, kNow + 3595).next_look_ms, kLookAtRestMs);
  report_of(world, 1).token_last_used_unix[1] = kNow + 36'000;
  EXPECT_THAT(names(make_plan(world, kNow + 36'000)), ElementsAre("DropOldToken")) << "ten overlaps at most";
}

TEST(Token, AnotherRotationWaitsForTheOverlap) {
  World world = switched();
  world.cluster.spec.auth.rotate_generation = 1;
  const Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), ElementsAre("RotateToken/OverlapRunning"));
}

TEST(Token, OneThatIsLostIsFollowedByANumberThatNobodyHasLoaded) {
  World world = healthy();
  report_of(world, 1).token_generation = 7;
  world.tokens = {};
  const Plan plan = make_plan(world, kNow);
  ASSERT_NE(find<MintToken>(plan), nullptr);
  EXPECT_EQ(find<MintToken>(plan)->generation, 8);
}

// Cause: the largest number of all was counted on from, which overflowed into a negative generation.
TEST(Generations, NumbersThatNobodyCanHaveGivenAreNotCountedOnFrom) {
  World world = healthy();
  report_of(world, 1).token_generation = INT64_MAX;
  world.cluster.status = {{"tls", {{"caGeneration", INT64_MAX}}}, {"auth", {{"generation", INT64_MAX}}}};
  world.tokens = {};
  EXPECT_EQ(find<MintToken>(make_plan(world, kNow))->generation, 2) << "what the others have loaded is 1";
  world.pki = {};
  EXPECT_EQ(find<CreateAuthority>(make_plan(world, kNow))->generation, 1);
}

TEST(Token, DamagedOrForeignSecretsAreNotWritten) {
  World world = healthy();
  world.tokens.damaged = "demo-token: key tokens, line 2: no token";
  world.cluster.spec.auth.rotate_generation = 1;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  EXPECT_THAT(blockers(make_plan(world, kNow)), ElementsAre("RotateToken/TokenSecretDamaged"));
  world = fresh();
  world.cluster.spec.auth.existing_secret = "mine";
  world.tokens.external = true;
  const Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("CreateAuthority"));
  EXPECT_THAT(blockers(plan), Contains("LoadTokens/ExternalSecretMissing"));
  EXPECT_EQ(condition(plan, "TokensReady").reason, "ExternalSecretMissing");
}

}  // namespace
}  // namespace ferro::oper::plan
