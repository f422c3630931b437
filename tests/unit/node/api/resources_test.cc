// Entries by id, namespaces, invalidation, and what the node says of itself.
#include "common/base/limits.h"
#include "fixture.h"

namespace ferro::node::api {
namespace {

TEST(Entry, ReadsBackWhatWasStored) {
  Tester tester;
  ASSERT_EQ(tester
                .post("/insert", insert_body({{"id", "x"},
                                              {"cache_scope", "s"},
                                              {"conversation_id", "c"},
                                              {"tags", {"t"}},
                                              {"attributes", {{"k", "v"}}},
                                              {"cost", 2.5},
                                              {"ttl_seconds", 60}}))
                .status,
            200U);
  const int64_t now = tester.clock.wall_ms() / 1000;
  const json expected = {{"id", "x"},          {"response", "an answer"},    {"query_text", "a question"},
                         {"model_id", "m"},    {"cache_scope", "s"},         {"conversation_id", "c"},
                         {"tags", {"t"}},      {"attributes", {{"k", "v"}}}, {"cost", 2.5},
                         {"inserted_at", now}, {"expires_at", now + 60},     {"last_accessed_at", now},
                         {"access_count", 0}};
  EXPECT_EQ(tester.get("/entry/x").parsed(), expected);
  EXPECT_EQ(tester.get("/entry/x?vector=false").parsed(), expected);
  const json with_vector = tester.get("/entry/x?vector=true").parsed();
  ASSERT_EQ(with_vector.at("embedding").size(), 3U);
  EXPECT_FLOAT_EQ(with_vector.at("embedding").at(0).get<float>(), 0.6F);
  EXPECT_EQ(tester.get("/entry/x?vector=True").parsed(), with_vector) << "as Python's HTTP libraries send it";
  EXPECT_EQ(tester.get("/entry/x?vector=FALSE").parsed(), expected);
  EXPECT_EQ(tester.get("/entry/x?vector=perhaps").status, 400U);
  const json internal = tester.get("/internal/entry/x").parsed();
  EXPECT_EQ(internal.at("model_id"), "m::s::conv_c");
  EXPECT_EQ(internal.at("embedding"), with_vector.at("embedding"));
}

TEST(Entry, WhatWasNotSetIsNotThere) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body({{"id", "x"}})).status, 200U);
  const json entry = tester.get("/entry/x").parsed();
  for (const char* absent : {"cache_scope", "conversation_id", "cost", "expires_at", "embedding"})
    EXPECT_FALSE(entry.contains(absent)) << absent;
  EXPECT_EQ(entry.at("tags"), json::array());
  EXPECT_EQ(entry.at("attributes"), json::object());
}

TEST(Entry, IdsAreDecodedOnce) {
  Tester tester;
  for (const char* id : {"a/b", "%41", "..", "a?b", "+", "#", "%2F"}) {
    ASSERT_EQ(tester.post("/insert", insert_body({{"id", id}})).status, 200U);
    std::string path = "/entry/";
    for (const char* c = id; *c != '\0'; ++c) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "%%%02X", static_cast<unsigned char>(*c));
      path += escape;
    }
    EXPECT_EQ(tester.get(path).parsed().at("id"), id);
    EXPECT_EQ(tester.remove(path).status, 200U);
  }
}

TEST(Entry, DeleteAnswers) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body({{"id", "x"}})).status, 200U);
  EXPECT_EQ(tester.remove("/entry/x?local=true").parsed(), json({{"status", "deleted"}, {"deleted", true}}));
  const Answer gone = tester.remove("/entry/x");
  EXPECT_EQ(gone.status, 404U);
  EXPECT_EQ(gone.parsed(), json({{"error", "entry not found"}}));
  EXPECT_EQ(tester.get("/entry/x").parsed(), json({{"error", "entry not found"}}));
  EXPECT_EQ(tester.get("/internal/entry/x").status, 404U);
  tester.engine.write_failure = Status::unavailable("stopping");
  EXPECT_EQ(tester.remove("/entry/x").status, 503U);
}

TEST(Entry, ANamespaceNarrowsDown) {
  Tester tester;
  const std::vector<json> places = {json::object(),
                                    {{"cache_scope", "s"}},
                                    {{"cache_scope", "s"}, {"conversation_id", "c"}},
                                    {{"conversation_id", "c"}}};
  for (const json& place : places) {
    json fields = place;
    fields["id"] = "x";
    fields["response"] = place.dump();
    ASSERT_EQ(tester.post("/insert", insert_body(fields)).status, 200U);
  }
  const auto response = [&](const char* target) {
    return tester.get(target).parsed().at("response").get<std::string>();
  };
  EXPECT_EQ(response("/entry/x"), places[3].dump()) << "the newest";
  EXPECT_EQ(response("/entry/x?model_id=m"), places[0].dump());
  EXPECT_EQ(response("/entry/x?model_id=m&cache_scope=%20s"), places[1].dump());
  EXPECT_EQ(response("/entry/x?model_id=m&cache_scope=s&conversation_id=c"), places[2].dump());
  EXPECT_EQ(response("/entry/x?cache_scope=s"), places[2].dump()) << "the newest of that scope";
  EXPECT_EQ(tester.get("/entry/x?model_id=other").status, 404U);
  EXPECT_EQ(tester.get("/entry/x?conversation_id=c").status, 400U);
  EXPECT_EQ(tester.get("/entry/x?model_id=").status, 400U);
  EXPECT_EQ(tester.get("/entry/x?model_id=m&cache_scope=conv_1").status, 400U);
  EXPECT_EQ(tester.remove("/entry/x?model_id=m&conversation_id=c").status, 200U);
  EXPECT_EQ(tester.engine.entries.size(), 3U);
  EXPECT_EQ(tester.remove("/entry/x").status, 200U);
  EXPECT_TRUE(tester.engine.entries.empty());
}

TEST(Namespaces, ListInPages) {
  Tester tester;
  for (const char* model : {"b", "a", "c::5", "c"})
    ASSERT_EQ(tester.post("/insert", insert_body({{"model_id", model}})).status, 200U);
  ASSERT_EQ(tester.post("/insert", insert_body({{"cache_scope", "s"}, {"conversation_id", "c"}})).status,
            200U);
  const json all = tester.get("/namespaces").parsed();
  ASSERT_EQ(all.at("namespaces").size(), 5U);
  EXPECT_FALSE(all.contains("next"));
  EXPECT_EQ(all.at("namespaces").at(4), json({{"name", "m::s::conv_c"},
                                              {"model_id", "m"},
                                              {"cache_scope", "s"},
                                              {"conversation_id", "c"},
                                              {"entry_count", 1},
                                              {"dimension", 3},
                                              {"bytes", 1000}}));
  std::vector<std::string> seen;
  std::string target = "/namespaces?limit=2";
  for (int page = 0; page < 3; ++page) {
    const json listed = tester.get(target).parsed();
    for (const json& row : listed.at("namespaces")) seen.push_back(row.at("name"));
    EXPECT_EQ(listed.contains("next"), page < 2);
    if (listed.contains("next")) target = "/namespaces?limit=2&after=" + listed.at("next").get<std::string>();
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c", "c::5", "m::s::conv_c"}));
  EXPECT_EQ(tester.get("/namespaces?prefix=c").parsed().at("namespaces").size(), 2U);
  for (const char* bad : {"x", "-1", "1.5", "0", "10001", ""}) {
    EXPECT_EQ(tester.get("/namespaces?limit=" + std::string(bad)).status, 400U) << bad;
  }
}

TEST(Namespaces, AreDroppedByNameOrByParts) {
  Tester tester;
  const auto fill = [&] {
    ASSERT_EQ(tester.post("/insert", insert_body({{"model_id", "a::b"}})).status, 200U);
    ASSERT_EQ(tester.post("/insert", insert_body({{"model_id", "a"}, {"cache_scope", "b"}})).status, 200U);
  };
  fill();
  EXPECT_EQ(tester.remove("/namespaces/a%253A%253Ab").parsed(),
            json({{"status", "deleted"}, {"deleted_count", 1}}));
  ASSERT_EQ(tester.engine.entries.size(), 1U);
  EXPECT_EQ(tester.engine.entries[0].ns.scope, "b");
  EXPECT_EQ(tester.remove("/namespaces/a%253A%253Ab").status, 404U);
  EXPECT_EQ(tester.remove("/namespaces?model_id=a&cache_scope=b").parsed().at("deleted_count"), 1);
  EXPECT_EQ(tester.remove("/namespaces?model_id=a&cache_scope=b").status, 404U);
  for (const char* bad : {"/namespaces", "/namespaces?cache_scope=b", "/namespaces?conversation_id=c",
                          "/namespaces?model_id="}) {
    EXPECT_EQ(tester.remove(bad).status, 400U) << bad;
  }
}

TEST(Invalidate, RefusesBodiesThatNameNothingOrMix) {
  const json radius = {{"embedding", {3, 0, 4}}, {"threshold", 0.5}, {"model_id", "m"}};
  const auto without = [&](const char* field) {
    json body = radius;
    body.erase(field);
    return body;
  };
  const auto with = [&](const char* field, const json& value) {
    json body = radius;
    body[field] = value;
    return body;
  };
  const std::vector<json> bodies = {json::object(),
                                    {{"tags", json::array()}},
                                    {{"attributes", json::object()}},
                                    {{"cache_scope", ""}},
                                    {{"cache_scope", "  "}},
                                    {{"tags", nullptr}},
                                    {{"dry_run", true}},
                                    {{"model_id", "m"}},
                                    {{"threshold", 0.5}},
                                    without("model_id"),
                                    without("threshold"),
                                    without("embedding"),
                                    with("tags", {"t"}),
                                    with("attributes", {{"k", "v"}}),
                                    with("threshold", 2),
                                    with("threshold", "0"),
                                    with("embedding", {0, 0, 0}),
                                    with("embedding_b64", "AACAPw=="),
                                    {{"tags", {"t"}}, {"model_id", "m"}},
                                    {{"tags", {"t"}}, {"conversation_id", "c"}},
                                    {{"cache_scope", "s"}, {"tags", json::array()}},
                                    {{"cache_scope", "s"}, {"attributes", json::object()}},
                                    {{"tags", "t"}},
                                    {{"tags", {""}}},
                                    {{"tags", {5}}},
                                    {{"attributes", {{"k", 5}}}},
                                    {{"tags", {"t"}}, {"dry_run", "yes"}},
                                    {{"cache_scope", "conv_1"}}};
  for (const json& body : bodies) {
    Tester tester;
    ASSERT_EQ(tester
                  .post("/insert",
                        insert_body({{"cache_scope", "s"}, {"tags", {"t"}}, {"attributes", {{"k", "v"}}}}))
                  .status,
              200U);
    const Answer answer = tester.post("/admin/invalidate", body);
    EXPECT_EQ(answer.status, 400U) << body << answer.body;
    EXPECT_FALSE(answer.error().empty());
    EXPECT_EQ(tester.engine.entries.size(), 1U);
  }
}

TEST(Invalidate, ByRadiusTagAttributeAndScope) {
  const std::vector<std::pair<json, size_t>> bodies = {
      {{{"embedding", {3, 0, 4}}, {"threshold", 0.9}, {"model_id", "m"}}, 1},
      {{{"embedding", {3, 0, 4}},
        {"threshold", 0.9},
        {"model_id", "m"},
        {"cache_scope", "s"},
        {"conversation_id", "c"}},
       1},
      {{{"embedding_b64", "AABAQAAAAAAAAIBA"}, {"threshold", 1}, {"model_id", "m"}, {"cache_scope", "s"}}, 1},
      {{{"embedding", {0, 1, 0}}, {"threshold", 0.9}, {"model_id", "m"}}, 0},
      {{{"tags", {"t", "unknown"}}}, 3},
      {{{"tags", {"t"}}, {"cache_scope", "s"}}, 2},
      {{{"attributes", {{"k", "v"}}}}, 3},
      {{{"attributes", {{"k", "w"}}}}, 0},
      {{{"tags", {"t"}}, {"attributes", {{"k", "w"}}}}, 0},
      {{{"cache_scope", " s "}}, 2}};
  for (const auto& [body, count] : bodies) {
    Tester tester;
    for (const json& place : {json::object(), json({{"cache_scope", "s"}}),
                              json({{"cache_scope", "s"}, {"conversation_id", "c"}})}) {
      json fields = place;
      fields.update({{"tags", {"t"}}, {"attributes", {{"k", "v"}}}});
      ASSERT_EQ(tester.post("/insert", insert_body(fields)).status, 200U);
    }
    json dry = body;
    dry["dry_run"] = true;
    const json told = tester.post("/admin/invalidate", dry).parsed();
    EXPECT_EQ(told.at("deleted_count"), count) << body;
    EXPECT_EQ(tester.engine.entries.size(), 3U);
    const json done = tester.post("/admin/invalidate", body).parsed();
    EXPECT_EQ(done,
              json({{"deleted_count", count}, {"invalidated_count", count}, {"uuids", told.at("uuids")}}));
    EXPECT_EQ(done.at("uuids").size(), count);
    EXPECT_EQ(tester.engine.entries.size(), 3U - count);
  }
}

TEST(Node, HealthAndProbes) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body()).status, 200U);
  EXPECT_EQ(tester.get("/health").parsed(),
            json({{"status", "ok"}, {"node_id", "node-1"}, {"entry_count", 1}}));
  EXPECT_EQ(tester.get("/livez").status, 200U);
  EXPECT_EQ(tester.get("/readyz").status, 200U);
  tester.engine.readiness_answer = Status(StatusCode::no_space, "the disk is full: free some room");
  const Answer answer = tester.get("/readyz");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(answer.parsed().at("reason"), "the disk is full: free some room");
  EXPECT_EQ(answer.error(), "the disk is full: free some room");
  EXPECT_FALSE(answer.header("Retry-After").empty());
  EXPECT_EQ(tester.get("/livez").status, 200U);
  EXPECT_EQ(tester.get("/cluster/status").parsed().at("state"), "not_ready");
}

TEST(Node, DrainingIsSaidAndServed) {
  Tester tester;
  tester.api->begin_drain();
  EXPECT_EQ(tester.get("/readyz").status, 503U);
  EXPECT_EQ(tester.get("/cluster/status").parsed().at("state"), "draining");
  EXPECT_EQ(tester.get("/livez").status, 200U);
  EXPECT_EQ(tester.post("/insert", insert_body()).status, 200U);
  EXPECT_EQ(tester.post("/query", query_body()).parsed().at("hit"), true);
}

TEST(Node, StatsHaveBothSpellings) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body()).status, 200U);
  tester.post("/query", query_body());
  tester.post("/query", query_body({{"embedding", {0, 1, 0}}}));
  const json stats = tester.get("/stats").parsed();
  EXPECT_EQ(stats.at("entry_count"), 1);
  EXPECT_EQ(stats.at("cluster_entry_count"), 1);
  EXPECT_EQ(stats.at("wal_path"), "./ferrocache.wal");
  EXPECT_EQ(stats.at("hnsw"),
            json({{"max_nb_connection", 16}, {"ef_construction", 200}, {"ef_search", 32}, {"dimension", 3}}));
  EXPECT_EQ(stats.at("namespaces").at("m").at("index"), "flat");
  EXPECT_EQ(stats.at("namespaces").at("m").at("oldest_entry_ts"), tester.clock.wall_ms() / 1000);
  const json& counters = stats.at("counters");
  for (const auto& [short_name, long_name] :
       {std::pair("queries", "queries_total"), std::pair("hits", "queries_hit"),
        std::pair("misses", "queries_miss")}) {
    EXPECT_EQ(counters.at(short_name), counters.at(long_name));
  }
  EXPECT_EQ(counters.at("queries"), 2);
  EXPECT_EQ(counters.at("hit_rate"), 0.5);
  ASSERT_EQ(tester.post("/insert", insert_body({{"model_id", "n"}, {"embedding", {1}}})).status, 200U);
  EXPECT_EQ(tester.get("/stats").parsed().at("hnsw").at("dimension"), nullptr) << "there are two";
}

TEST(Node, StatusOfASingleNode) {
  ApiOptions options;
  options.certificate = [] { return Certificate{"ab12", 2'000'000'000}; };
  Tester tester("admin generation=7\nold generation=6\n", options);
  const json status = tester.get("/cluster/status", "admin").parsed();
  EXPECT_EQ(status.at("mode"), "single");
  EXPECT_EQ(status.at("nodes"), json({"node-1"}));
  EXPECT_EQ(status.at("self_node_id"), status.at("node_id"));
  EXPECT_EQ(status.at("node_count"), 1);
  EXPECT_EQ(status.at("peers"), json::array());
  EXPECT_EQ(status.at("peer_health"), json::object());
  EXPECT_EQ(status.at("dead_nodes"), json::array());
  EXPECT_EQ(status.at("state"), "ready");
  EXPECT_EQ(status.at("auth").at("token_generation"), 7);
  EXPECT_EQ(status.at("certificate"), json({{"fingerprint_sha256", "ab12"}, {"not_after", 2'000'000'000}}));
  EXPECT_EQ(status.at("wal").at("sequence"), 7);
}

TEST(Node, CompactEntryStatsAndMetrics) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body({{"id", "x"}})).status, 200U);
  EXPECT_EQ(tester.call(http::Method::post, "/admin/compact").parsed(),
            json({{"status", "ok"}, {"entries_snapshotted", 1}, {"wal_sequence", 7}}));
  tester.engine.write_failure = Status(StatusCode::no_space, "the disk is full");
  EXPECT_EQ(tester.call(http::Method::post, "/admin/compact").status, 507U);
  EXPECT_EQ(tester.get("/admin/entry-stats").parsed(), json({{"namespaces",
                                                              {{"m",
                                                                {{{"uuid", "x"},
                                                                  {"access_count", 0},
                                                                  {"last_accessed_at", 0},
                                                                  {"query_text_preview", "a question"}}}}}},
                                                             {"namespaces_truncated", false}}));
  const Answer metrics = tester.get("/metrics");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(metrics.body, "# HELP fake\n");
}

// It showed the first 10,000 as if they were all.
TEST(Node, EntryStatsSaysThatThereAreMoreNamespacesThanItShows) {
  Tester tester;
  for (size_t i = 0; i <= limits::kNamespacesListedMax; ++i) {
    ASSERT_EQ(tester.post("/insert", insert_body({{"model_id", "n" + std::to_string(i)}})).status, 200U);
    if (i + 1 != limits::kNamespacesListedMax) continue;
    EXPECT_EQ(tester.get("/admin/entry-stats").parsed().at("namespaces_truncated"), false);
  }
  const json stats = tester.get("/admin/entry-stats").parsed();
  EXPECT_EQ(stats.at("namespaces_truncated"), true);
  EXPECT_EQ(stats.at("namespaces").size(), limits::kNamespacesListedMax);
}

}  // namespace
}  // namespace ferro::node::api
