// Many threads at once. Each checks what it did itself against a model of its own; shared entries are deleted
// by all and found by one. Meant for ThreadSanitizer as much as for the assertions.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::engine {
namespace {

constexpr int kThreads = 8;
constexpr int kRounds = 150;

model::NamespaceKey namespace_of_thread(int thread) {
  return {"m::4", "", thread % 2 == 0 ? "" : "c" + std::to_string(thread)};
}

using Model = std::map<std::string, std::string>;

void live(Engine& engine, int thread, Model& expected) {
  std::mt19937 random(static_cast<unsigned>(thread));
  const model::NamespaceKey ns = namespace_of_thread(thread);
  for (int round = 0; round < kRounds; ++round) {
    const std::string id = "t" + std::to_string(thread) + "-" + std::to_string(random() % 20);
    const auto what = random() % 10;
    if (what < 5) {
      const std::string response = id + " " + std::to_string(round);
      ASSERT_TRUE(insert(engine, entry(id, static_cast<int>(random() % 360), response, ns)).ok());
      expected[id] = response;
    } else if (what < 7) {
      const auto removed = remove(engine, {id, ns, {}});
      ASSERT_EQ(removed.ok(), expected.erase(id) == 1) << id;
    } else {
      ASSERT_TRUE(look_up(engine, ns, static_cast<double>(random() % 360), "question " + id, 0.9F).ok());
      const auto found = expected.find(id);
      ASSERT_EQ(response_of(engine, id), found == expected.end() ? "" : found->second);
    }
  }
}

TEST(EngineConcurrencyTest, EveryThreadSeesItsOwnWritesAndARestartSeesAll) {
  tests::fakes::FaultyFileSystem fs(1);
  EngineHarness node(fs, "/data");
  node.options.compact_interval_inserts = 100;
  node.options.expire_scan_interval_ms = 1;
  ASSERT_EQ(node.open().to_string(), "ok");
  std::vector<Model> models(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] { live(*node, i, models[static_cast<size_t>(i)]); });
    }
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(compact(*node).ok());
        node->figures();
        node->counters();
        EXPECT_TRUE(node->readiness().ok());
        static_cast<void>(node->store().namespaces(node->now_ms(), "", "", 10));
      }
    });
  }
  size_t total = 0;
  for (const Model& model : models) total += model.size();
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(node->figures().live_entries, total);
    for (const Model& model : models) {
      for (const auto& [id, response] : model) EXPECT_EQ(response_of(*node, id), response);
    }
    ASSERT_EQ(node.open().to_string(), "ok");
  }
}

TEST(EngineConcurrencyTest, EachEntryIsDeletedForExactlyOneOfManyCallers) {
  tests::fakes::FaultyFileSystem fs(1);
  EngineHarness node(fs, "/data");
  ASSERT_EQ(node.open().to_string(), "ok");
  constexpr int kEntries = 100;
  for (int i = 0; i < kEntries; ++i) ASSERT_TRUE(insert(*node, entry("x" + std::to_string(i), i)).ok());
  std::atomic<int> found{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEntries; ++i)
          found += remove(*node, {"x" + std::to_string(i), {}, {}}).ok() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(found, kEntries);
  EXPECT_EQ(node->figures().live_entries, 0U);
}

TEST(EngineConcurrencyTest, StoppingWhileAllAreBusyAnswersEverybody) {
  tests::fakes::FaultyFileSystem fs(1);
  EngineHarness node(fs, "/data");
  ASSERT_EQ(node.open().to_string(), "ok");
  std::atomic<uint64_t> acknowledged{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 10'000; ++i) {
          const auto id = insert(*node, entry("", (thread * 31 + i) % 360));
          if (!id.ok()) {
            EXPECT_EQ(id.status().code(), StatusCode::unavailable);
            return;
          }
          ++acknowledged;
          if (i % 50 == thread) static_cast<void>(compact(*node).ok());
          InvalidateRequest none;
          none.selector = store::Selector{{}, {"no such tag"}, {}};
          if (i % 50 == 40) static_cast<void>(invalidate(*node, none).ok());
        }
      });
    }
    while (acknowledged < 500) std::this_thread::yield();
    node->stop();
  }
  const uint64_t count = acknowledged;
  ASSERT_EQ(node.open().to_string(), "ok");
  EXPECT_EQ(node->figures().live_entries, count);
}

}  // namespace
}  // namespace ferro::node::engine
