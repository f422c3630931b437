// The API over a cache whose answers come later and from elsewhere.
#include "remote_cache.h"
#include "fixture.h"

namespace ferro::node::api {
namespace {

// A node of a cluster: all that clients ask for lies elsewhere.
class Clustered : public Harness {
 public:
  explicit Clustered(const std::string& token_file = {}) {
    tokens = tokens_of(token_file);
    api = Api::create({}, {engine, cache, *tokens, metrics, clock, &node});
  }
  FakeEngine engine{clock};
  RemoteCache cache{engine};
  FakeClusterNode node{cache};
};

json numbered(size_t i) {
  return {{"id", "e" + std::to_string(i)},
          {"query_text", "q" + std::to_string(i)},
          {"response", "r" + std::to_string(i)}};
}

TEST(RemoteCache, EveryRouteAnswersAsANodeAlone) {
  Tester alone;
  Clustered far;
  const auto same = [&](http::Method method, std::string_view target, const json& body = nullptr) {
    const std::string text = body.is_null() ? std::string() : body.dump();
    const Answer a = alone.call(method, target, text), b = far.call(method, target, text);
    EXPECT_EQ(a.status, b.status) << target;
    EXPECT_EQ(a.body, b.body) << target;
    return b.status;
  };
  using http::Method;
  const json attributed = {{"id", "kept"}, {"attributes", {{"k", "v"}}}, {"cache_scope", "s"}};
  EXPECT_EQ(same(Method::post, "/insert", insert_body(attributed)), 200U);
  json items = json::array({insert_body(numbered(1)), {{"model_id", "m"}}, insert_body(numbered(2))});
  EXPECT_EQ(same(Method::post, "/insert/batch", {{"items", items}}), 200U);
  EXPECT_EQ(same(Method::post, "/insert/batch", {{"items", {{{"model_id", "m"}}}}}), 200U);
  EXPECT_EQ(same(Method::post, "/query", query_body({{"query_text", "q2"}, {"top_k", 3}})), 200U);
  EXPECT_EQ(same(Method::post, "/query",
                 query_body({{"cache_scope", "s"}, {"conversation_id", "c"}, {"attributes", {{"k", "v"}}}})),
            200U);
  EXPECT_EQ(same(Method::post, "/query/batch", {{"items", {query_body(), json::object(), query_body()}}}),
            200U);
  EXPECT_EQ(same(Method::post, "/query/batch", {{"items", json::array()}}), 200U);
  EXPECT_EQ(same(Method::get, "/entry/kept?vector=true"), 200U);
  EXPECT_EQ(same(Method::get, "/entry/kept?model_id=other"), 404U);
  EXPECT_EQ(same(Method::get, "/internal/entry/kept"), 200U);
  EXPECT_EQ(same(Method::get, "/namespaces?limit=1"), 200U);
  EXPECT_EQ(same(Method::get, "/admin/entry-stats"), 200U);
  EXPECT_EQ(same(Method::post, "/admin/invalidate", {{"cache_scope", "s"}, {"dry_run", true}}), 200U);
  EXPECT_EQ(same(Method::delete_, "/entry/e1"), 200U);
  EXPECT_EQ(same(Method::delete_, "/entry/e1"), 404U);
  EXPECT_EQ(same(Method::delete_, "/namespaces/m"), 200U);
  EXPECT_EQ(same(Method::delete_, "/namespaces/m"), 404U);
  EXPECT_EQ(far.metrics.queries, alone.metrics.queries);
  EXPECT_EQ(far.metrics.inserts, alone.metrics.inserts);
}

TEST(RemoteCache, ABatchKeepsItsOrderAndItsBoundWhateverComesFirst) {
  constexpr size_t kItems = 500;
  Clustered far;
  json items = json::array(), queries = json::array();
  for (size_t i = 0; i < kItems; ++i) items.push_back(insert_body(numbered(i)));
  ASSERT_EQ(far.post("/insert/batch", {{"items", items}}).status, 200U);
  for (size_t i = 0; i < kItems; ++i)
    queries.push_back(query_body({{"query_text", "q" + std::to_string(i)}}));
  const json results = far.post("/query/batch", {{"items", queries}}).parsed().at("results");
  ASSERT_EQ(results.size(), kItems);
  for (size_t i = 0; i < kItems; ++i) EXPECT_EQ(results[i].at("id"), "e" + std::to_string(i));
  EXPECT_GT(far.cache.waiting_most, 1U) << "one after the other";
  EXPECT_LE(far.cache.waiting_most, 64U);
}

TEST(RemoteCache, OneItemThatFailsLeavesTheOthers) {
  Clustered far;
  ASSERT_EQ(far.post("/insert", insert_body()).status, 200U);
  far.cache.failure = {StatusCode::unreachable, "no owner answers"};
  far.cache.fails_every = 3;
  const json items(9, query_body());
  const json results = far.post("/query/batch", {{"items", items}}).parsed().at("results");
  ASSERT_EQ(results.size(), 9U);
  for (size_t i = 0; i < 9; ++i) {
    if (i % 3 == 2) {
      EXPECT_EQ(results[i], json({{"error", "no owner answers"}, {"status", 502}}));
    } else {
      EXPECT_EQ(results[i].at("hit"), true);
    }
  }
}

TEST(RemoteCache, FailuresOfTheClusterAre502And503) {
  Clustered far;
  far.cache.failure = {StatusCode::unreachable, "no owner answers"};
  const auto all = [&] {
    return std::vector<Answer>{far.post("/insert", insert_body()),
                               far.post("/query", query_body()),
                               far.get("/entry/x"),
                               far.remove("/entry/x"),
                               far.get("/namespaces"),
                               far.remove("/namespaces/m"),
                               far.get("/admin/entry-stats"),
                               far.post("/admin/invalidate", {{"tags", {"t"}}})};
  };
  for (const Answer& answer : all()) {
    EXPECT_EQ(answer.status, 502U) << answer.body;
    EXPECT_EQ(answer.error(), "no owner answers");
  }
  far.cache.failure = Status::unavailable("the ring changes");
  for (const Answer& answer : all()) {
    EXPECT_EQ(answer.status, 503U) << answer.body;
    EXPECT_FALSE(answer.header("Retry-After").empty());
  }
}

TEST(RemoteCache, LocalAndRepairReachIt) {
  Clustered far;
  const auto reached = [&](http::Method method, std::string_view target, const json& body = nullptr) {
    far.cache.reach.reset();
    far.call(method, target, body.is_null() ? std::string() : body.dump());
    return far.cache.reach;
  };
  using http::Method;
  const auto everywhere = cache::Reach::everywhere, here = cache::Reach::here;
  const json tagged = {{"tags", {"t"}}};
  EXPECT_EQ(reached(Method::post, "/insert", insert_body()), everywhere);
  EXPECT_EQ(reached(Method::post, "/insert?local=true", insert_body()), here);
  EXPECT_EQ(reached(Method::post, "/insert?local=false", insert_body()), everywhere);
  EXPECT_EQ(reached(Method::post, "/insert/batch?local=1", {{"items", {insert_body()}}}), here);
  EXPECT_EQ(reached(Method::post, "/query?local=true", query_body()), here);
  EXPECT_EQ(reached(Method::post, "/query/batch?local=true", {{"items", {query_body()}}}), here);
  EXPECT_EQ(reached(Method::post, "/admin/invalidate", tagged), everywhere);
  EXPECT_EQ(reached(Method::post, "/admin/invalidate?local=true", tagged), here);
  EXPECT_EQ(reached(Method::delete_, "/entry/x"), everywhere);
  EXPECT_EQ(reached(Method::delete_, "/entry/x?local=true"), here);
  EXPECT_EQ(reached(Method::get, "/entry/x"), everywhere);
  EXPECT_EQ(reached(Method::get, "/entry/x?local=true"), here);
  EXPECT_EQ(reached(Method::get, "/internal/entry/x"), here);
  EXPECT_EQ(far.cache.read_repair, std::nullopt);
  reached(Method::post, "/query?repair=true", query_body());
  EXPECT_EQ(far.cache.read_repair, true);
  reached(Method::post, "/query?repair=false", query_body());
  EXPECT_EQ(far.cache.read_repair, false);
  EXPECT_EQ(far.call(Method::post, "/query?repair=perhaps", query_body().dump()).status, 400U);
}

// A scope sees its own namespaces only, however many calls that takes.
TEST(RemoteCache, AScopedListingWalks) {
  Clustered far("T role=admin scope=s\n");
  for (const char* scope : {"a", "s", "z"}) {
    engine::InsertRequest request;
    request.ns = {"m", scope, {}};
    request.id = scope;
    request.unit_vector = {1.0F};
    far.engine.insert(std::move(request), [](const Result<std::string>&) {});
  }
  const json listed = far.get("/namespaces", "T").parsed().at("namespaces");
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].at("name"), "m::s");
}

TEST(RemoteCache, StatsCountTheClusterAndSayWhenTheyCannot) {
  Clustered far;
  far.node.status_answer.forwards = 3;
  far.node.status_answer.replication_failures = 4;
  far.node.status_answer.replication_retries = 5;
  far.node.status_answer.read_repairs = 6;
  far.node.status_answer.read_repair_failures = 7;
  ASSERT_EQ(far.post("/insert", insert_body()).status, 200U);
  json stats = far.get("/stats").parsed();
  EXPECT_EQ(stats.at("cluster_entry_count"), 1);
  EXPECT_FALSE(stats.contains("cluster_entry_count_outdated"));
  EXPECT_EQ(stats.at("counters").at("replication_forwards"), 3);
  EXPECT_EQ(stats.at("counters").at("replication_failures"), 4);
  EXPECT_EQ(stats.at("counters").at("replication_retries"), 5);
  EXPECT_EQ(stats.at("counters").at("read_repairs"), 6);
  EXPECT_EQ(stats.at("counters").at("read_repair_failures"), 7);
  far.cache.failure = Status::unavailable("too slow");
  stats = far.get("/stats").parsed();
  EXPECT_EQ(stats.at("cluster_entry_count"), 1) << "as last counted";
  EXPECT_EQ(stats.at("cluster_entry_count_outdated"), true);
}

TEST(RemoteCache, ANodeIsReadyWhenItsClusterSaysSo) {
  Clustered far;
  EXPECT_EQ(far.get("/readyz").status, 200U);
  far.node.readiness_answer = Status::unavailable("joining: 7 of 90 partitions");
  const Answer answer = far.get("/readyz");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(answer.parsed().at("reason"), "joining: 7 of 90 partitions");
}

}  // namespace
}  // namespace ferro::node::api
