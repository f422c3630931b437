#include "operator/nodeclient/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ferro::oper::nodeclient {
namespace {

using Json = nlohmann::json;

// As a clustered node with mutual TLS answers.
Json full() {
  return Json::parse(R"({"mode":"clustered","node_id":"demo-1","self_node_id":"demo-1","state":"ready",
    "nodes":["demo-0","demo-1"],"node_count":2,"dead_nodes":["demo-2"],"ring_size":3,
    "ring":{"epoch":18446744073709551615,"members":3,"fingerprint":"00ff","changing":true,"changes":4},
    "replication":{"factor":2,"write_consistency":"all","lag_ms":12,"hints":7,"hint_bytes":100},
    "catch_up":{"running":true,"partitions_done":0,"partitions_total":0,"entries_moved":0,"bytes_moved":0},
    "hand_over":{"running":false,"partitions_done":0,"partitions_total":0,"entries_moved":0,"bytes_moved":0},
    "drain":{"running":true,"partitions_done":3,"partitions_total":9,"entries_moved":0,"bytes_moved":0},
    "drained":false,"partitions_under_replicated":5,"partitions_out_of_step":6,"partitions_uncompared":8,
    "wal":{"sequence":10,"bytes":2048,"segments":1},
    "snapshot":{"number":4,"wal_sequence":9,"bytes":1024,"kept":2,"created_at":1700000000,"last_attempt_failed":true,
      "running":true},
    "entry_count":77,"dead_entries":8,"memory":{"bytes":1000,"max_bytes":4000},
    "certificate":{"fingerprint_sha256":"cc","not_after":1800000000},
    "node_certificate":{"fingerprint_sha256":"aa","not_after":1900000000,"trusted":["x","y"]},
    "auth":{"enabled":true,"token_generation":2,"tokens":2,"generations":[
      {"generation":1,"tokens":1,"last_used_at":1699999999},{"generation":2,"tokens":1,"last_used_at":null}]},
    "started_at":1690000000,"version":"0.1.0"})");
}

TEST(Report, EverythingThatANodeTells) {
  const auto read = parse_report(full().dump(), "demo-1");
  ASSERT_TRUE(read.ok()) << read.status().message();
  const plan::NodeReport& report = *read;
  EXPECT_EQ(report.state, "ready");
  EXPECT_EQ(report.version, "0.1.0");
  EXPECT_EQ(report.started_unix, 1'690'000'000);
  EXPECT_THAT(report.members, testing::ElementsAre("demo-0", "demo-1"));
  EXPECT_THAT(report.dead, testing::ElementsAre("demo-2"));
  EXPECT_EQ(report.ring_epoch, UINT64_MAX);
  EXPECT_EQ(report.ring_members, 3);
  EXPECT_TRUE(report.ring_changing);
  EXPECT_EQ(report.replication_factor, 2);
  EXPECT_EQ(report.hints, 7);
  EXPECT_EQ(report.replication_lag_ms, 12);
  EXPECT_TRUE(report.catch_up_running);
  EXPECT_FALSE(report.hand_over_running);
  EXPECT_TRUE(report.drain_running);
  EXPECT_EQ(report.drain_done, 3);
  EXPECT_EQ(report.drain_total, 9);
  EXPECT_EQ(report.partitions_under_replicated, 5);
  EXPECT_EQ(report.partitions_out_of_step, 6);
  EXPECT_EQ(report.partitions_uncompared, 8);
  EXPECT_EQ(report.certificate_fingerprint, "aa");
  EXPECT_EQ(report.client_certificate_fingerprint, "cc");
  EXPECT_EQ(report.certificate_not_after_unix, 1'900'000'000);
  EXPECT_THAT(report.trusted_fingerprints, testing::ElementsAre("x", "y"));
  EXPECT_TRUE(report.auth_enabled);
  EXPECT_EQ(report.token_generation, 2);
  EXPECT_THAT(report.token_last_used_unix,
              testing::ElementsAre(testing::Pair(1, 1'699'999'999), testing::Pair(2, 0)));
  EXPECT_EQ(report.entries, 77);
  EXPECT_EQ(report.dead_entries, 8);
  EXPECT_EQ(report.memory_bytes, 1000);
  EXPECT_EQ(report.memory_max_bytes, 4000);
  EXPECT_EQ(report.wal_bytes, 2048);
  EXPECT_EQ(report.snapshot_number, 4);
  EXPECT_EQ(report.snapshot_bytes, 1024);
  EXPECT_EQ(report.snapshot_unix, 1'700'000'000);
  EXPECT_TRUE(report.snapshot_failed);
  EXPECT_TRUE(report.snapshot_running);
}

TEST(Report, ANodeWithoutAClusterIsOneOfOne) {
  const auto read = parse_report(
      R"({"mode":"single","node_id":"demo-0","state":"ready","nodes":["demo-0"],"ring_size":1,
          "auth":{"enabled":false,"token_generation":0,"generations":[]}})",
      "demo-0");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->ring_members, 1);
  EXPECT_FALSE(read->auth_enabled);
  EXPECT_EQ(read->certificate_fingerprint, "");
}

TEST(Report, WithoutCertificatesForClientsTheNodesOwnIsNoClientsOne) {
  Json body = full();
  body["certificate"] = body["node_certificate"];
  EXPECT_EQ(parse_report(body.dump(), "demo-1")->client_certificate_fingerprint, "");
}

TEST(Report, AnotherNodesAnswerIsNoReport) {
  const auto read = parse_report(full().dump(), "demo-0");
  EXPECT_EQ(read.status().code(), StatusCode::failed_precondition);
  EXPECT_THAT(read.status().message(), testing::HasSubstr("demo-1"));
}

TEST(Report, WhatHasAnotherTypeIsToldByItsName) {
  const std::vector<std::pair<const char*, Json>> wrong = {{"/state", 7},
                                                           {"/nodes", "demo-0"},
                                                           {"/nodes", {1, 2}},
                                                           {"/ring", 3},
                                                           {"/ring/epoch", -1},
                                                           {"/ring/changing", "no"},
                                                           {"/drained", 0},
                                                           {"/memory/bytes", "12"},
                                                           {"/auth", Json::array()},
                                                           {"/auth/generations", "x"},
                                                           {"/auth/generations", {3}},
                                                           {"/entry_count", "many"},
                                                           {"/node_certificate/trusted", {{"a", 1}}}};
  for (const auto& [pointer, value] : wrong) {
    Json body = full();
    body[Json::json_pointer(pointer)] = value;
    const auto read = parse_report(body.dump(), "demo-1");
    ASSERT_FALSE(read.ok()) << pointer;
    const std::string last = std::string(pointer).substr(std::string(pointer).rfind('/') + 1);
    EXPECT_THAT(read.status().message(), testing::HasSubstr(last)) << pointer;
  }
}

TEST(Report, WhatIsNoJsonIsNoReport) {
  for (const char* body :
       {"", "[]", "null", "{", "<html>", "{\"node_id\":\"demo-1\"}", "{\"state\":\"\xFF\"}"}) {
    EXPECT_FALSE(parse_report(body, "demo-1").ok()) << body;
  }
  EXPECT_FALSE(parse_report(std::string(100'000, '['), "demo-1").ok());
}

TEST(Report, FiguresBeyondAllBoundsSaturate) {
  Json body = full();
  body["entry_count"] = 1e300;
  body["wal"]["bytes"] = UINT64_MAX;
  const auto read = parse_report(body.dump(), "demo-1");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->entries, INT64_MAX);
  EXPECT_EQ(read->wal_bytes, INT64_MAX);
}

// Cause: how long ago that was overflowed.
TEST(Report, MomentsAreOfTheCalendar) {
  Json body = full();
  body["started_at"] = INT64_MIN;
  body["snapshot"]["created_at"] = UINT64_MAX;
  const auto read = parse_report(body.dump(), "demo-1");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->started_unix, 0);
  EXPECT_EQ(read->snapshot_unix, 253'402'300'799);
}

// A reason goes into the resource's status: half a character would make that unwritable.
TEST(Report, LongTextsAreCutBetweenCharacters) {
  Json body = full();
  std::string reason(1023, 'a');
  for (int i = 0; i < 10; ++i) reason += "\xC3\xA9";
  body["reason"] = reason;
  const auto read = parse_report(body.dump(), "demo-1");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->reason, std::string(1023, 'a'));
  EXPECT_NO_THROW(Json(read->reason).dump());
}

}  // namespace
}  // namespace ferro::oper::nodeclient
