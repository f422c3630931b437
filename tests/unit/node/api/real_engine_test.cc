// The API over the real engine: what passes through both, down to the log and back.
#include <cmath>
#include <random>
#include <thread>

#include "fixture.h"
#include "tests/fakes/faulty_file_system.h"

namespace ferro::node::api {
namespace {

using tests::fakes::FaultyFileSystem;

// A node without a port, on a disk in memory.
class Node : public Harness {
 public:
  explicit Node(ApiOptions options = {}) : options_(std::move(options)) {
    tokens = tokens_of({});
    start();
  }
  ~Node() { stop(); }

  // As after kill -9 and a start.
  void restart() {
    stop();
    disk = disk->after_kill(1);
    start();
  }

  std::unique_ptr<FaultyFileSystem> disk = std::make_unique<FaultyFileSystem>(1);
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<cache::Cache> cache;

 private:
  void start() {
    engine::EngineOptions options;
    options.data_folder = "data";
    options.memory_max_bytes = 256U << 20;
    options.wal_segment_bytes = 1U << 20;
    engine::OpenReport report;
    auto opened = engine::Engine::open(options, *disk, clock, report);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    engine = std::move(opened).value();
    cache = cache::make_local_cache(*engine);
    api = Api::create(options_, {*engine, *cache, *tokens, metrics, clock});
  }
  void stop() {
    if (engine) engine->stop();
    api.reset();
    engine.reset();
  }
  ApiOptions options_;
};

json axis(size_t dimension, size_t which) {
  json vector = json::array();
  for (size_t i = 0; i < dimension; ++i) vector.push_back(i == which ? 1.0 : 0.0);
  return vector;
}

TEST(RealEngine, StoresFindsAndForgets) {
  Node node;
  const Answer inserted =
      node.post("/insert", insert_body({{"attributes", {{"k", "v"}}}, {"ttl_seconds", 10}}));
  ASSERT_EQ(inserted.status, 200U) << inserted.body;
  const std::string id = inserted.parsed().at("id");
  EXPECT_EQ(id.size(), 36U) << "a UUID";
  const json hit = node.post("/query", query_body()).parsed();
  EXPECT_EQ(hit.at("id"), id);
  EXPECT_EQ(hit.at("similarity"), 1.0);
  EXPECT_EQ(hit.at("ttl_remaining"), 10);
  EXPECT_EQ(node.post("/query", query_body({{"embedding", axis(3, 1)}, {"query_text", " A  QUESTION"}}))
                .parsed()
                .at("exact_match"),
            true);
  EXPECT_EQ(node.get("/entry/" + id).parsed().at("access_count"), 2);
  node.clock.advance_ms(10'000);
  EXPECT_EQ(node.post("/query", query_body()).parsed(), json({{"hit", false}}));
  EXPECT_EQ(node.get("/entry/" + id).status, 404U);
  EXPECT_EQ(node.get("/health").parsed().at("entry_count"), 0);
}

TEST(RealEngine, EverythingSurvivesARestart) {
  Node node;
  std::string text;
  for (int byte = 0; byte < 0x80; ++byte) text += static_cast<char>(byte);
  text += "\u00e9\U0001F389";
  ASSERT_EQ(node.post("/insert", insert_body({{"id", "kept"},
                                              {"response", text},
                                              {"cache_scope", "s"},
                                              {"conversation_id", "c:1"},
                                              {"tags", {"t"}},
                                              {"attributes", {{"k", "v"}}},
                                              {"cost", 0.125}}))
                .status,
            200U);
  ASSERT_EQ(node.post("/insert", insert_body({{"id", "gone"}})).status, 200U);
  ASSERT_EQ(node.remove("/entry/gone").status, 200U);
  const json before = node.get("/internal/entry/kept").parsed();
  node.restart();
  EXPECT_EQ(node.get("/internal/entry/kept").parsed(), before);
  EXPECT_EQ(before.at("response"), text);
  EXPECT_EQ(before.at("model_id"), "m::s::conv_c%3A1");
  EXPECT_EQ(node.get("/entry/gone").status, 404U);
}

TEST(RealEngine, DimensionsAreHeldPerNamespace) {
  Node node;
  ASSERT_EQ(node.post("/insert", insert_body({{"embedding", axis(8, 0)}, {"id", "x"}})).status, 200U);
  for (const char* route : {"/insert", "/query"}) {
    const Answer answer = node.post(route, insert_body({{"embedding", axis(11, 0)}}));
    EXPECT_EQ(answer.status, 400U);
    EXPECT_NE(answer.error().find("8"), std::string::npos) << answer.body;
    EXPECT_NE(answer.error().find("11"), std::string::npos) << answer.body;
  }
  ASSERT_EQ(node.remove("/entry/x").status, 200U);
  EXPECT_EQ(node.post("/insert", insert_body({{"embedding", axis(11, 0)}})).status, 200U);
}

TEST(RealEngine, BatchesKeepOrderAndIsolateErrors) {
  Node node;
  json items = json::array();
  for (size_t i = 0; i < 200; ++i) {
    items.push_back(i % 5 == 4 ? json({{"model_id", "m"}})
                               : insert_body({{"embedding", axis(8, i % 8)},
                                              {"id", "b" + std::to_string(i)},
                                              {"query_text", "q" + std::to_string(i)}}));
  }
  const json results = node.post("/insert/batch", {{"items", items}}).parsed().at("results");
  ASSERT_EQ(results.size(), 200U);
  for (size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(results[i].at("status"), i % 5 == 4 ? json(400) : json("ok"));
    if (i % 5 != 4) {
      EXPECT_EQ(results[i].at("id"), "b" + std::to_string(i));
    }
  }
  json queries = json::array();
  for (size_t i = 0; i < 200; ++i)
    queries.push_back({{"embedding", axis(8, 0)},
                       {"model_id", "m"},
                       {"query_text", "q" + std::to_string(199 - i)},
                       {"threshold", 1}});
  const json found = node.post("/query/batch", {{"items", queries}}).parsed().at("results");
  for (size_t i = 0; i < 200; ++i) {
    const size_t wanted = 199 - i;
    if (wanted % 5 != 4) {
      EXPECT_EQ(found[i].at("id"), "b" + std::to_string(wanted));
    }
  }
}

TEST(RealEngine, NamespacesInvalidationAndCompaction) {
  Node node;
  for (const json& place : {json::object(), json({{"cache_scope", "s"}}),
                            json({{"cache_scope", "s"}, {"conversation_id", "c"}})}) {
    json fields = place;
    fields["tags"] = {"t"};
    ASSERT_EQ(node.post("/insert", insert_body(fields)).status, 200U);
  }
  const json listed = node.get("/namespaces").parsed().at("namespaces");
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[2].at("name"), "m::s::conv_c");
  EXPECT_EQ(node.get("/stats").parsed().at("namespaces").size(), 3U);
  EXPECT_EQ(node.post("/admin/invalidate", {{"tags", {"t"}}, {"dry_run", true}}).parsed().at("deleted_count"),
            3);
  EXPECT_EQ(node.post("/admin/invalidate", {{"cache_scope", "s"}}).parsed().at("uuids").size(), 2U);
  EXPECT_EQ(node.call(http::Method::post, "/admin/compact").parsed().at("entries_snapshotted"), 1);
  EXPECT_EQ(node.remove("/namespaces/m").parsed().at("deleted_count"), 1);
  EXPECT_EQ(node.remove("/namespaces/m").status, 404U);
  node.restart();
  EXPECT_EQ(node.get("/health").parsed().at("entry_count"), 0);
}

TEST(RealEngine, AFullDiskIs507AndQueriesGoOn) {
  Node node;
  ASSERT_EQ(node.post("/insert", insert_body()).status, 200U);
  node.disk->set_capacity(1);
  Answer answer;
  for (int tries = 0; tries < 40 && answer.status != 507; ++tries) {
    answer = node.post("/insert", insert_body({{"response", std::string(200'000, 'x')}}));
  }
  EXPECT_EQ(answer.status, 507U) << answer.body;
  EXPECT_FALSE(answer.error().empty());
  EXPECT_EQ(node.post("/query", query_body()).parsed().at("hit"), true);
  EXPECT_EQ(node.get("/readyz").status, 503U);
}

TEST(RealEngine, AStoppedEngineIs503) {
  Node node;
  node.engine->stop();
  const Answer answer = node.post("/insert", insert_body());
  EXPECT_EQ(answer.status, 503U) << answer.body;
  EXPECT_FALSE(answer.header("Retry-After").empty());
  EXPECT_EQ(node.remove("/entry/x").status, 503U);
}

// Many cores at once, each with its own parser and buffers.
TEST(RealEngine, ManyThreadsAtOnce) {
  Node node;
  constexpr size_t kThreads = 4, kRounds = 60;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&node, thread] {
      const std::string model = "m" + std::to_string(thread);
      for (size_t round = 0; round < kRounds; ++round) {
        const std::string id = std::to_string(round);
        const json fields = {
            {"model_id", model}, {"id", id}, {"query_text", "q" + id}, {"response", model + "/" + id}};
        EXPECT_EQ(node.post("/insert", insert_body(fields)).status, 200U);
        const json hit =
            node.post("/query", query_body({{"model_id", model}, {"query_text", "q" + id}})).parsed();
        EXPECT_EQ(hit.at("response"), model + "/" + id);
        EXPECT_EQ(node.get("/stats").status, 200U);
        if (round % 3 == 0) {
          EXPECT_EQ(node.remove("/entry/" + id + "?model_id=" + model).status, 200U);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(node.get("/health").parsed().at("entry_count"), kThreads * (kRounds - kRounds / 3));
}

}  // namespace
}  // namespace ferro::node::api
