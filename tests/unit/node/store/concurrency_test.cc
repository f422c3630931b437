// Readers beside the writer: what exists without a break is found without a break, whole and once.
#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "tests/fakes/seed.h"
#include "tests/unit/node/store/fixture.h"

namespace ferro::node::store {
namespace {

constexpr int kKeys = 8;  // ids that are replaced all the time and never missing
constexpr int kReaders = 3;
constexpr int kWrites = 20'000;
constexpr float kStep = 0.7F;  // radians between the directions of two keys

std::vector<float> direction_of(int key) {
  return {std::cos(kStep * static_cast<float>(key)), std::sin(kStep * static_cast<float>(key))};
}
std::string id_of(int key) {
  return "key" + std::to_string(key);
}
std::string text_of(int key) {
  return "text of key " + std::to_string(key);
}

class ConcurrencyTest : public StoreFixture {
 protected:
  model::PutOp generation(int key, uint64_t number) {
    model::PutOp op = put_of(id_of(key), text_of(key), direction_of(key));
    op.response = id_of(key) + " generation " + std::to_string(number);
    return op;
  }

  void read_until_done(uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<uint64_t> last(kKeys, 0);
    while (!done_.load()) {
      const int key = static_cast<int>(random() % kKeys);
      switch (random() % 4) {
        case 0:
          check_one(key, query_of(text_of(key), elsewhere(), 1), last[static_cast<size_t>(key)]);
          break;
        case 1:
          check_one(key, query_of("", direction_of(key), 1), last[static_cast<size_t>(key)]);
          break;
        case 2:
          check_all(query_of("", direction_of(key), 100));
          break;
        default:
          check_id(key);
          break;
      }
      if (testing::Test::HasFailure()) break;
      ++reads_;
    }
  }

  Result<QueryResult> query_of(const std::string& text, const std::vector<float>& direction, size_t top_k) {
    QueryRequest request;
    request.ns = {"m::2", "", ""};
    const std::vector<float> vector = unit(direction);
    request.unit_vector = vector;
    request.query_text = text;
    request.threshold = top_k == 1 ? 0.999F : 0.0F;
    request.top_k = top_k;
    request.now_ms = now();
    return store_->query(request);
  }

  // The key is there, whole, and never older than what this reader saw before.
  void check_one(int key, const Result<QueryResult>& result, uint64_t& last) {
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(result->hits.size(), 1U) << "missing " << key;
    const Hit& hit = result->hits.front();
    ASSERT_EQ(hit.id, id_of(key));
    ASSERT_EQ(hit.query_text, text_of(key));
    const std::string prefix = id_of(key) + " generation ";
    ASSERT_EQ(hit.response.substr(0, prefix.size()), prefix);
    const uint64_t number = std::stoull(hit.response.substr(prefix.size()));
    ASSERT_GE(number, last);
    last = number;
  }

  // Every key once, beside others that come and go.
  void check_all(const Result<QueryResult>& result) {
    ASSERT_TRUE(result.ok());
    std::set<std::string> ids;
    size_t keys = 0;
    for (const Hit& hit : result->hits) {
      ASSERT_TRUE(ids.insert(hit.id).second) << hit.id << " twice";
      if (hit.id.starts_with("key")) ++keys;
    }
    ASSERT_EQ(keys, static_cast<size_t>(kKeys));
  }

  void check_id(int key) {
    const auto found = store_->find(id_of(key), now(), true);
    ASSERT_EQ(found.size(), 1U) << "missing or twice: " << key;
    ASSERT_EQ(found[0].vector, unit(direction_of(key)));
  }

  std::atomic<bool> done_{false};
  std::atomic<uint64_t> reads_{0};
};

TEST_F(ConcurrencyTest, ReplacingIsAtomicForEveryReader) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (int key = 0; key < kKeys; ++key) apply(generation(key, 0));
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([this, seed, i] { read_until_done(seed + static_cast<uint64_t>(i)); });
  }
  std::mt19937_64 random(seed);
  for (uint64_t i = 1; i <= kWrites && !testing::Test::HasFailure(); ++i) {
    store_->apply(generation(static_cast<int>(random() % kKeys), i), now());
    if (i % 3 == 0) {  // rows before and after the keys' come and go
      const std::string other = "other" + std::to_string(random() % 20);
      if (random() % 2 == 0) {
        store_->apply(put_of(other, "", {-1.0F, 0.01F}), now());
      } else {
        store_->apply(model::DeleteOp{ns_, other, next_version()}, now());
      }
    }
    epochs_.collect();
  }
  while (reads_.load() < 200 && !testing::Test::HasFailure()) std::this_thread::yield();
  done_ = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GE(reads_.load(), 200U);
}

constexpr size_t kIds = 40;  // in each namespace

// Everything at once, for the sanitizers: namespaces that come and go, expiry, eviction, listings, snapshots.
TEST_F(ConcurrencyTest, ReadersOfEveryKindBesideEveryKindOfWrite) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  StoreOptions options;
  options.max_entries_per_namespace = 20;
  options.memory_max_bytes = 64U << 10;
  make(options);
  std::vector<std::thread> readers;
  readers.emplace_back([&] {
    while (!done_.load()) {
      QueryRequest request;
      const std::vector<float> vector = unit({1.0F, 0.5F});
      for (const char* scope : {"0", "1", "2"}) {
        request.ns = {"m::2", scope, ""};
        request.unit_vector = vector;
        request.query_text = "t1";
        request.threshold = 0.0F;
        request.top_k = 10;
        request.now_ms = now();
        const auto result = store_->query(request);
        ASSERT_TRUE(result.ok());
        for (const Hit& hit : result->hits) ASSERT_EQ(hit.response, "answer of " + hit.id);
      }
      ++reads_;
    }
  });
  readers.emplace_back([&] {
    while (!done_.load()) {
      for (const NamespaceStats& stats : store_->namespaces(now(), "", "", 100))
        ASSERT_GT(stats.entry_count, 0U);
      // Not the cap: the writer may have judged by a later time than this reader read.
      ASSERT_LE(store_->live_entries(now()), 3 * kIds);
      store_->top_entries(now(), 3, 10);
      store_->find("1", now(), true);
      store_->select({}, now());
      ++reads_;
    }
  });
  readers.emplace_back([&] {
    Store::SnapshotSink sink;
    sink.entry = [](Bytes encoded) {
      EXPECT_TRUE(model::decode(encoded).ok());
      return Status();
    };
    sink.graph = [](const model::NamespaceKey&, std::string_view) { return Status(); };
    while (!done_.load()) {
      ASSERT_TRUE(store_->dump(sink, now()).ok());
      ++reads_;
    }
  });
  std::mt19937_64 random(seed);
  for (int i = 0; i < kWrites / 2; ++i) {
    ns_.scope = std::to_string(random() % 3);
    if (random() % 200 == 0) {
      store_->apply(model::DropNamespaceOp{ns_, next_version()}, now());
    } else {
      model::PutOp op = put_of(std::to_string(random() % kIds), "t" + std::to_string(random() % 4),
                               {1.0F, static_cast<float>(random() % 100)});
      if (random() % 2 == 0) op.expires_at_ms = now() + 1 + static_cast<int64_t>(random() % 20);
      for (const EntryRef& ref : store_->victims_for(op, now())) {
        store_->apply(model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::evicted}, now());
      }
      store_->apply(op, now());
      store_->end_batch();
    }
    if (i % 10 == 0) clock_.advance_ms(1);
    if (i % 50 == 0) store_->reap_expired(now(), 10);
    while (auto work = store_->begin_maintenance()) {
      work->job->run();
      work->finish(std::move(work->job));
    }
    epochs_.collect();
  }
  while (reads_.load() < 50 && !testing::Test::HasFailure()) std::this_thread::yield();
  done_ = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace ferro::node::store
