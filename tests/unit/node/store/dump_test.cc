#include <map>
#include <random>

#include "tests/unit/node/store/fixture.h"

namespace ferro::node::store {
namespace {

class DumpTest : public StoreFixture {
 protected:
  std::vector<model::Operation> dump() {
    std::vector<model::Operation> out;
    const Status status = store_->dump(sink_into(out), now());
    EXPECT_TRUE(status.ok()) << status.to_string();
    return out;
  }
  static Store::SnapshotSink sink_into(std::vector<model::Operation>& out) {
    Store::SnapshotSink sink;
    sink.entry = [&out](Bytes encoded) {
      Result<model::Operation> op = model::decode(encoded);
      EXPECT_TRUE(op.ok()) << op.status().to_string();
      if (op.ok()) out.push_back(std::move(*op));
      return Status();
    };
    sink.graph = [](const model::NamespaceKey&, std::string_view) { return Status(); };
    return sink;
  }
  void fill(size_t entries) {
    for (size_t i = 0; i < entries; ++i) {
      ns_.scope = i % 3 == 0 ? "" : "s" + std::to_string(i % 3);
      model::PutOp op = put_of(std::to_string(i), "text " + std::to_string(i % 50),
                               {static_cast<float>(i), 1.0F, static_cast<float>(i % 7)});
      if (i % 4 == 0) op.expires_at_ms = now() + static_cast<int64_t>(i);
      if (i % 5 == 0) op.attributes = {{"k", std::to_string(i)}};
      if (i % 6 == 0) op.tags = {"t"};
      op.has_cost = i % 2 == 0;
      op.cost = op.has_cost ? 0.5 : 0.0;
      apply(op);
    }
    for (size_t i = 0; i < entries; i += 9) {
      ns_.scope = i % 3 == 0 ? "" : "s" + std::to_string(i % 3);
      remove(std::to_string(i));
    }
  }
};

TEST_F(DumpTest, WhatIsDumpedAndAppliedIsTheSameStore) {
  fill(2000);
  clock_.advance_ms(500);
  const std::vector<model::Operation> dumped = dump();
  EXPECT_EQ(dumped.size(), store_->live_entries(now()));
  const auto before = store_->find("1600", now(), true);
  make({});
  for (const model::Operation& op : dumped) EXPECT_EQ(apply(op).outcome, ApplyOutcome::inserted);
  const std::vector<model::Operation> again = dump();
  ASSERT_EQ(again.size(), dumped.size());
  for (size_t i = 0; i < dumped.size(); ++i) {
    std::string one, other;
    model::encode(dumped[i], one);
    model::encode(again[i], other);
    ASSERT_EQ(one, other);
  }
  const auto after = store_->find("1600", now(), true);
  ASSERT_EQ(after.size(), before.size());
  EXPECT_EQ(after[0].vector, before[0].vector);
}

TEST_F(DumpTest, EntriesComeByNamespaceAndRisingVersion) {
  fill(1000);
  // Rows are reused in another order than entries were made.
  for (size_t i = 1; i < 1000; i += 7) {
    ns_.scope = i % 3 == 0 ? "" : "s" + std::to_string(i % 3);
    put(std::to_string(i), "", {1.0F, 2.0F, 3.0F});
  }
  std::string name;
  Hlc last;
  for (const model::Operation& op : dump()) {
    const std::string here = model::printed_name(model::namespace_of(op));
    if (here != name) {
      ASSERT_LT(name, here);
      name = here;
      last = {};
    }
    ASSERT_LT(last, model::version_of(op));
    last = model::version_of(op);
  }
}

TEST_F(DumpTest, TheSinkIsCalledWithoutAGuardAndItsErrorEndsTheDump) {
  fill(1000);
  size_t seen = 0;
  Store::SnapshotSink sink;
  sink.entry = [&](Bytes) {
    epochs_.retire([] {});
    EXPECT_EQ(epochs_.collect(), 0U) << "a guard is held while the sink works";
    return ++seen < 300 ? Status() : Status::io_error("enough");
  };
  sink.graph = [](const model::NamespaceKey&, std::string_view) { return Status(); };
  EXPECT_EQ(store_->dump(sink, now()).code(), StatusCode::io_error);
  EXPECT_EQ(seen, 300U);
}

TEST_F(DumpTest, ChangesMeanwhileAreLeftOutOrInButNeverMixed) {
  for (int i = 0; i < 1000; ++i) put(std::to_string(i), "old");
  std::map<std::string, std::string> seen;
  Store::SnapshotSink sink;
  sink.entry = [&](Bytes encoded) {
    const auto op = model::decode(encoded);
    EXPECT_TRUE(op.ok());
    const auto& entry = std::get<model::PutOp>(*op);
    EXPECT_TRUE(seen.emplace(entry.id, entry.query_text).second) << entry.id << " twice";
    const std::string next = std::to_string((std::stoi(entry.id) + 500) % 1000);
    if (std::stoi(entry.id) % 3 == 0) put(next, "new");
    if (std::stoi(entry.id) % 3 == 1) remove(next);
    return Status();
  };
  sink.graph = [](const model::NamespaceKey&, std::string_view) { return Status(); };
  ASSERT_TRUE(store_->dump(sink, now()).ok());
  EXPECT_GT(seen.size(), 400U);
  for (const auto& [id, text] : seen) EXPECT_EQ(text, "old") << "entries made after the start are the log's";
}

TEST_F(DumpTest, ANamespaceThatGoesMeanwhileIsNoError) {
  fill(1000);
  std::vector<model::Operation> out;
  Store::SnapshotSink sink = sink_into(out);
  sink.entry = [&](Bytes) {
    for (const char* scope : {"", "s1", "s2"}) {
      apply(model::DropNamespaceOp{{"m::2", scope, ""}, next_version()});
    }
    return Status();
  };
  EXPECT_TRUE(store_->dump(sink, now()).ok());
  EXPECT_EQ(store_->live_entries(now()), 0U);
}

// The graph comes back with the entries it was built over, though rows are given out anew: it serves at once,
// finds what an exhaustive scan finds, and is not rebuilt.
TEST_F(DumpTest, TheGraphOfAnIndexSurvivesWithItsEntries) {
  constexpr size_t kEntries = 640;
  StoreOptions options;
  options.index.kind = index::IndexKind::hnsw;
  options.index.ef_search = 200;
  options.index.ef_construction = 40;
  make(options);
  std::mt19937_64 random(7);
  const auto direction = [&random] {
    std::vector<float> vector(16);
    for (float& value : vector) value = static_cast<float>(random() % 2001) - 1000.0F;
    return vector;
  };
  const auto settle = [this] {
    while (auto work = store_->begin_maintenance()) {
      work->job->run();
      work->finish(std::move(work->job));
      epochs_.collect();
    }
  };
  for (size_t i = 0; i < kEntries; ++i) put(std::to_string(i), "", direction());
  settle();
  for (size_t i = 0; i < kEntries; i += 10) remove(std::to_string(i));  // dead rows in the graph
  for (size_t i = 1; i < kEntries; i += 10)
    put(std::to_string(i), "", direction());  // and fresh ones outside
  ASSERT_EQ(store_->namespace_stats(ns_, now())->index_kind, "hnsw");

  std::vector<model::Operation> entries;
  std::vector<std::string> graphs;
  Store::SnapshotSink sink = sink_into(entries);
  sink.graph = [&](const model::NamespaceKey& ns, std::string_view graph) {
    EXPECT_EQ(ns, ns_);
    EXPECT_EQ(entries.size(), kEntries - kEntries / 10) << "the graph comes after the entries";
    graphs.emplace_back(graph);
    return Status();
  };
  ASSERT_TRUE(store_->dump(sink, now()).ok());
  ASSERT_EQ(graphs.size(), 1U);

  make(options);
  for (const model::Operation& op : entries) apply(op);
  ASSERT_NE(store_->namespace_stats(ns_, now())->index_kind, "hnsw");
  const Status loaded = store_->load_graph(ns_, as_bytes(graphs[0]));
  ASSERT_TRUE(loaded.ok()) << loaded.to_string();
  const auto stats = store_->namespace_stats(ns_, now());
  EXPECT_EQ(stats->index_kind, "hnsw");
  EXPECT_EQ(stats->entry_count, entries.size());
  size_t found = 0;
  for (const model::Operation& op : entries) {
    const auto& put = std::get<model::PutOp>(op);
    if (hits("", put.vector, 0.9999F) == Ids{put.id}) ++found;
  }
  EXPECT_EQ(found, entries.size());
  settle();
  EXPECT_EQ(store_->index_rebuilds(), 0U);
}

TEST_F(DumpTest, AGraphThatFitsNothingIsRefused) {
  put("a", "");
  const std::string junk = "not a graph";
  EXPECT_EQ(store_->load_graph(ns_, as_bytes(junk)).code(), StatusCode::data_loss);
  EXPECT_EQ(store_->load_graph({"nobody", "", ""}, as_bytes(junk)).code(), StatusCode::data_loss);
  EXPECT_EQ(hits("", {1.0F, 0.0F}), Ids{"a"});
}

}  // namespace
}  // namespace ferro::node::store
