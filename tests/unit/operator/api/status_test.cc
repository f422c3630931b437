#include "operator/api/status.h"

#include <gtest/gtest.h>

#include "operator/api/units.h"

namespace ferro::oper::api {
namespace {

using Json = nlohmann::json;

constexpr int64_t kThen = 1'782'874'800;
constexpr int64_t kNow = kThen + 3600;

ClusterStatus full_status() {
  ClusterStatus status;
  status.observed_generation = 4;
  status.phase = "Updating";
  status.replicas = 3;
  status.ready_replicas = 2;
  status.selector = "a=b";
  status.version = "0.2.0";
  status.endpoint = "http://demo.shop.svc:3000";
  status.conditions = {{"Available", "True", "AllServed", "Every partition has a live owner.", 4, kThen},
                       {"Progressing", "True", "Rolling", "demo-2", 4, kThen}};
  Member member;
  member.name = "demo-0";
  member.state = "ready";
  member.ready = true;
  member.certificate_fingerprint = "ab";
  member.certificate_not_after_unix = kNow;
  member.trusted_fingerprints = {"cd"};
  member.token_generation = 2;
  member.entries = 120;
  member.snapshot_unix = kThen;
  member.version = "0.2.0";
  status.members = {member};
  status.ca_generation = 1;
  status.tls_phase = "Stable";
  status.ca_not_after_unix = kNow;
  status.cert_not_after_unix = kNow;
  status.auth_generation = 2;
  status.auth_previous_accepted = true;
  status.last_compaction_unix = kThen;
  status.ring_members = 3;
  status.compact_generation = 1;
  status.compactions_pending = {{"demo-1", 7}};
  status.blocked_by = {{"Roll", "RingChanging", "demo-1", kThen, "The ring changes."}};
  return status;
}

TEST(Status, WhatWasWrittenIsCarriedSoThatNothingChanges) {
  ClusterStatus status = full_status();
  const Json written = to_json(status);
  for (Condition& condition : status.conditions) condition.last_transition_unix = 0;
  status.blocked_by[0].since_unix = 0;
  carry_transitions(written, kNow, status);
  EXPECT_EQ(to_json(status), written);
}

TEST(Status, ATransitionIsDatedNow) {
  ClusterStatus status = full_status();
  const Json written = to_json(status);
  status.conditions[0].status = "False";
  status.conditions[1].message = "another member";
  status.blocked_by[0].member = "demo-2";
  carry_transitions(written, kNow, status);
  EXPECT_EQ(status.conditions[0].last_transition_unix, kNow);
  EXPECT_EQ(status.conditions[1].last_transition_unix, kThen) << "a message alone is no transition";
  EXPECT_EQ(status.blocked_by[0].since_unix, kNow) << "another member is another blocker";
}

TEST(Status, AnyFormerStatusIsBorne) {
  for (const char* odd :
       {"null", "[]", "{}", R"({"conditions": 3, "blockedBy": {}})",
        R"({"conditions": [1, {"type": 5}], "blockedBy": [null]})",
        R"({"conditions": [{"type": "Available", "status": "True", "lastTransitionTime": "soon"}]})"}) {
    ClusterStatus status = full_status();
    carry_transitions(Json::parse(odd), kNow, status);
    EXPECT_EQ(status.conditions[0].last_transition_unix, kNow) << odd;
  }
}

TEST(Status, LongTextsAreCutBetweenCharacters) {
  ClusterStatus status = full_status();
  status.conditions[0].message = std::string(2043, 'x') + "\u00e9\u00e9\u00e9\u00e9";
  const auto message = to_json(status)["conditions"][0]["message"].get<std::string>();
  EXPECT_LE(message.size(), 2048U);
  EXPECT_TRUE(message.ends_with("x\u00e9...")) << message.substr(2030);
}

TEST(Status, NothingUnknownIsShownAsZeroTime) {
  const Json json = to_json(ClusterStatus());
  EXPECT_FALSE(json.contains("lastCompaction"));
  EXPECT_FALSE(json["tls"].contains("caNotAfter"));
  EXPECT_EQ(json["members"], Json::array());
  EXPECT_EQ(json["blockedBy"], Json::array());
}

}  // namespace
}  // namespace ferro::oper::api
