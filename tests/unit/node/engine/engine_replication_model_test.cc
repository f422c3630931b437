// Two engines on disks that lose what was not synced: one decides, the other is given what it decided, in
// any order, some of it twice, across crashes and snapshots of both. Both run without threads, so a seed
// replays exactly.
#include <algorithm>
#include <random>

#include "common/obs/log.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/engine/engine_fixture.h"
#include "tests/unit/node/engine/recording_sink.h"

namespace ferro::node::engine {
namespace {

using tests::fakes::FaultyFileSystem;

constexpr int64_t kDayMs = 86'400'000;

struct Node {
  Node(uint64_t seed, const std::string& id) : disk(std::make_unique<FaultyFileSystem>(seed)) {
    options.data_folder = "/data";
    options.node_id = id;
    options.wal_segment_bytes = 16U << 10;
    options.wal_batch_size = 5;
    options.compact_interval_inserts = 40;
    options.max_entries_per_namespace = 8;
    options.tombstone_retention_ms = kDayMs;
    options.manual = true;
  }
  ~Node() { stop(); }

  void start(const Clock& clock) {
    OpenReport report;
    auto opened = Engine::open(options, *disk, clock, report);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    engine = std::move(*opened);
    engine->set_decision_sink(&sink);
  }
  void stop() {
    if (engine != nullptr) engine->stop();
    engine.reset();
  }
  void restart_after_power_cut(const Clock& clock, uint64_t seed) {
    disk->crash();
    stop();
    disk = disk->after_power_cut(seed);
    start(clock);
  }

  EngineOptions options;
  std::unique_ptr<FaultyFileSystem> disk;
  RecordingSink sink;
  std::unique_ptr<Engine> engine;
};

class ReplicationModelTest : public ::testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    obs::set_level(obs::Level::off);
    decider_.start(clock_);
    replica_.start(clock_);
  }
  void TearDown() override { obs::set_level(obs::Level::info); }

  bool one_in(unsigned n) { return random_() % n == 0; }
  template <typename List>
  const auto& any(const List& list) {
    return list[random_() % list.size()];
  }

  void write() {
    Engine& engine = *decider_.engine;
    const model::NamespaceKey& ns = any(keys_);
    switch (random_() % 12) {
      case 0:
        engine.drop_namespace({ns}, [](const Result<uint64_t>&) {});
        break;
      case 1:
      case 2:
        engine.remove({any(ids_), std::nullopt, std::nullopt}, [](const Result<uint64_t>&) {});
        break;
      case 3: {
        InvalidateRequest request;
        request.radius = InvalidateRequest::Radius{ns, unit_at(static_cast<double>(random_() % 90)), 0.99F};
        engine.invalidate(std::move(request), [](const Result<std::vector<std::string>>&) {});
        break;
      }
      default: {
        InsertRequest request = entry(any(ids_), static_cast<double>(random_() % 90), "r", ns);
        request.response += std::to_string(random_() % 1000);
        if (one_in(4)) request.ttl_ms = 1 + random_() % 2000;
        engine.insert(std::move(request), [](const Result<std::string>&) {});
      }
    }
  }

  // What is on its way arrives in part, in any order, some of it for the second time.
  void deliver(bool all) {
    for (model::Operation& op : decider_.sink.take_operations()) on_their_way_.push_back(std::move(op));
    std::shuffle(on_their_way_.begin(), on_their_way_.end(), random_);
    const size_t count = all ? on_their_way_.size() : random_() % (on_their_way_.size() + 1);
    std::vector<model::Operation> batch(on_their_way_.end() - static_cast<std::ptrdiff_t>(count),
                                        on_their_way_.end());
    for (size_t i = 0; i < batch.size() && one_in(3); ++i) batch.push_back(batch[i]);
    if (!apply_copies(*replica_.engine, std::move(batch)).ok()) return;  // they are sent again
    on_their_way_.resize(on_their_way_.size() - count);
  }

  void crash(Node& node) {
    // In the middle of something, mostly.
    node.disk->crash_at(node.disk->operations() + 1 + random_() % 6);
    if (&node == &decider_) {
      for (int i = 0; i < 10; ++i) write();
      node.engine->pump();
    } else {
      deliver(false);
    }
    clock_.advance_ms(1 + static_cast<int64_t>(random_() % 100));
    node.restart_after_power_cut(clock_, random_());
  }

  static std::vector<store::VersionOf> versions_of(const Engine& engine, const model::NamespaceKey& ns) {
    std::vector<store::VersionOf> all = engine.store().versions(ns, 0, 1).entries;
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return all;
  }
  std::vector<std::string> state_of(const Engine& engine) {
    std::vector<std::string> lines;
    for (const model::NamespaceKey& ns : keys_) {
      lines.push_back(model::printed_name(ns) + " " +
                      std::to_string(engine.store().versions(ns, 0, 1).floors.all.ticks));
      for (const store::VersionOf& held : versions_of(engine, ns)) {
        lines.push_back(held.id + " " + std::to_string(held.version.ticks) + (held.tombstone ? " gone" : ""));
        if (held.tombstone) continue;
        for (const std::string& encoded : engine.store().encoded(ns, {held.id})) lines.push_back(encoded);
      }
      const uint16_t partition = model::partition_of(ns);
      lines.push_back(std::to_string(engine.store().partition_digest(partition)));
    }
    return lines;
  }

  // As repair does: what the one holds is given to the other.
  void push(Engine& from, Engine& to) {
    for (const model::NamespaceKey& ns : keys_) {
      std::vector<std::string> ids{""};
      for (const store::VersionOf& held : versions_of(from, ns)) ids.push_back(held.id);
      std::vector<model::Operation> operations;
      for (const std::string& encoded : from.store().encoded(ns, ids)) {
        auto op = model::decode(as_bytes(encoded));
        ASSERT_TRUE(op.ok()) << op.status().to_string();
        operations.push_back(std::move(*op));
      }
      const auto applied = apply_copies(to, std::move(operations));
      ASSERT_TRUE(applied.ok()) << applied.status().to_string();
    }
  }

  void reap_all() {
    clock_.advance_ms(static_cast<int64_t>(decider_.options.expire_scan_interval_ms));
    decider_.engine->pump();
    replica_.engine->pump();
  }

  std::mt19937_64 random_{GetParam()};
  ManualClock clock_;
  Node decider_{GetParam(), "decider"};
  Node replica_{GetParam() + 1'000'000, "replica"};
  std::vector<model::Operation> on_their_way_;
  const std::vector<model::NamespaceKey> keys_{{"m::4", "", ""}, {"m::4", "tenant", ""}, {"m::4", "", "c"}};
  const std::vector<std::string> ids_{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
};

TEST_P(ReplicationModelTest, TheReplicaEndsEqualWhateverItWentThrough) {
  for (int step = 0; step < 150; ++step) {
    for (uint64_t i = random_() % 8; i > 0; --i) write();
    decider_.engine->pump();
    if (one_in(3)) deliver(false);
    if (one_in(25)) crash(replica_);
    if (one_in(40)) {
      ASSERT_TRUE(compact(*replica_.engine).ok());
    }
    if (one_in(4)) clock_.advance_ms(static_cast<int64_t>(random_() % 700));
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
  reap_all();
  deliver(true);
  reap_all();
  EXPECT_EQ(state_of(*replica_.engine), state_of(*decider_.engine));
  EXPECT_FALSE(state_of(*decider_.engine).empty());
  replica_.restart_after_power_cut(clock_, random_());
  replica_.engine->pump();  // what has expired and stood in the log is reaped at once
  EXPECT_EQ(state_of(*replica_.engine), state_of(*decider_.engine)) << "after a restart";
}

// What a node decided and sent may be lost to itself: then the others have it.
TEST_P(ReplicationModelTest, AnExchangeHealsWhatTheDeciderLost) {
  for (int step = 0; step < 100; ++step) {
    for (uint64_t i = random_() % 8; i > 0; --i) write();
    decider_.engine->pump();
    if (one_in(3)) deliver(false);
    if (one_in(20)) crash(decider_);
    if (one_in(20)) crash(replica_);
    clock_.advance_ms(static_cast<int64_t>(random_() % 300));
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
  reap_all();
  deliver(true);
  reap_all();
  push(*decider_.engine, *replica_.engine);
  push(*replica_.engine, *decider_.engine);
  EXPECT_EQ(state_of(*replica_.engine), state_of(*decider_.engine));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReplicationModelTest, ::testing::Range(1U, 21U));

}  // namespace
}  // namespace ferro::node::engine
