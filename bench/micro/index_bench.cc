// How long the parts of a vector lookup take: kernels, codes, and whole searches by kind, size and dimension.
// The searches report the share of queries that hit and how many of the neighbours that an exact scan finds
// they find.
//
//   build/release/bin/index_bench --benchmark_filter=Search
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

#include "common/sync/epoch.h"
#include "node/index/kernel_table.h"
#include "node/index/kernels.h"
#include "node/index/rotation.h"
#include "node/index/vector_index.h"

namespace {

using namespace ferro::node::index;
using Vector = std::vector<float>;

constexpr unsigned kSeed = 1;
const int kOwner = 0;

Vector random_unit_vector(std::mt19937& rng, size_t dimension) {
  std::normal_distribution<float> normal;
  Vector vector(dimension);
  do {
    for (float& value : vector) value = normal(rng);
  } while (!normalise(vector));
  return vector;
}

// Questions as a cache sees them: one language, twenty fields, topics of about fifty wordings at cosine 0.75
// to 0.98.
class Questions {
 public:
  Questions(size_t dimension, size_t rows) : rng_(kSeed), common_(random_unit_vector(rng_, dimension)) {
    std::vector<Vector> fields;
    for (int i = 0; i < 20; ++i) fields.push_back(random_unit_vector(rng_, dimension));
    for (size_t i = 0; i < std::max<size_t>(1, rows / 50); ++i) {
      topics_.push_back(mix({&common_, &fields[rng_() % fields.size()]}, {0.3F, 0.55F}, 0.78F));
    }
  }
  Vector next() {
    const float spread = std::uniform_real_distribution<float>(0.2F, 0.8F)(rng_);
    return mix({&topics_[rng_() % topics_.size()], &common_}, {1.0F, 0.0F}, spread);
  }

 private:
  Vector mix(std::array<const Vector*, 2> parts, std::array<float, 2> weights, float noise) {
    Vector sum = random_unit_vector(rng_, common_.size());
    for (size_t i = 0; i < sum.size(); ++i) {
      sum[i] = noise * sum[i] + weights[0] * (*parts[0])[i] + weights[1] * (*parts[1])[i];
    }
    normalise(sum);
    return sum;
  }

  std::mt19937 rng_;
  Vector common_;
  std::vector<Vector> topics_;
};

void dot_product(benchmark::State& state) {
  const auto set = static_cast<size_t>(state.range(0));
  if (set >= usable_kernels().count) {
    state.SkipWithError("this machine has fewer instruction sets");
    return;
  }
  const Kernels& kernels = *usable_kernels().items[set];
  std::mt19937 rng(kSeed);
  const Vector a = random_unit_vector(rng, static_cast<size_t>(state.range(1)));
  const Vector b = random_unit_vector(rng, a.size());
  for (auto _ : state) benchmark::DoNotOptimize(kernels.dot(a.data(), b.data(), a.size()));
  state.SetLabel(kernels.name);
}
BENCHMARK(dot_product)->ArgsProduct({{0, 1, 2, 3}, {384, 1536}});

void encode_vector(benchmark::State& state) {
  std::mt19937 rng(kSeed);
  const Vector vector = random_unit_vector(rng, static_cast<size_t>(state.range(0)));
  std::vector<uint64_t> code(code_words(vector.size()));
  for (auto _ : state) {
    encode(vector, code.data());
    benchmark::DoNotOptimize(code.data());
  }
}
BENCHMARK(encode_vector)->Arg(384)->Arg(768)->Arg(1536)->Arg(3072);

struct Filled {
  ferro::sync::EpochDomain epochs;
  std::unique_ptr<VectorIndex> index;
  Questions questions;
  std::vector<Row> rows;
  std::vector<Vector> queries;

  Filled(IndexKind kind, size_t count, size_t dimension) : questions(dimension, count) {
    IndexOptions options;
    options.kind = kind;
    index = VectorIndex::create(dimension, options, epochs);
    for (size_t i = 0; i < count; ++i) rows.push_back(index->add(questions.next(), &kOwner));
    for (int i = 0; i < 500; ++i) queries.push_back(questions.next());
    maintain();
  }

  // Every row goes, in no order, and another question of the same topics takes its place.
  void turn_over() {
    constexpr size_t kBetweenMaintenance = 1000;
    std::shuffle(rows.begin(), rows.end(), order);
    for (size_t i = 0; i < rows.size(); ++i) {
      index->remove(rows[i]);
      rows[i] = index->add(questions.next(), &kOwner);
      if (i % kBetweenMaintenance == 0) maintain();
    }
    maintain();
  }

 private:
  void maintain() {
    epochs.collect();
    while (auto job = index->begin_maintenance()) {
      job->run();
      index->finish_maintenance(std::move(job));
      epochs.collect();
    }
  }

  std::mt19937 order{kSeed};
};

// Of the best `k` neighbours at or above the threshold, the share that a search finds.
double recall(const Filled& filled, float threshold, size_t k, double& hit_share) {
  size_t expected = 0;
  size_t found = 0;
  size_t hits = 0;
  std::vector<Match> exact;
  std::vector<Match> matches;
  for (const Vector& query : filled.queries) {
    exact.clear();
    matches.clear();
    filled.index->scan(query, threshold, {}, exact);
    filled.index->search(query, threshold, k, {}, matches);
    std::sort(exact.begin(), exact.end(), [](const Match& a, const Match& b) { return a.score > b.score; });
    exact.resize(std::min(exact.size(), k));
    expected += exact.size();
    hits += exact.empty() ? 0 : 1;
    for (const Match& want : exact) {
      found +=
          std::any_of(matches.begin(), matches.end(), [&](const Match& got) { return got.row == want.row; });
    }
  }
  hit_share = static_cast<double>(hits) / static_cast<double>(filled.queries.size());
  return expected == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(expected);
}

void search_of(benchmark::State& state, IndexKind kind) {
  const auto rows = static_cast<size_t>(state.range(0));
  const auto dimension = static_cast<size_t>(state.range(1));
  const float threshold = static_cast<float>(state.range(2)) / 100.0F;
  const auto k = static_cast<size_t>(state.range(3));
  // Kept from one benchmark to the next: a graph takes long to build.
  static std::unique_ptr<Filled> filled;
  static std::array<int64_t, 3> holds{};
  if (const std::array<int64_t, 3> wanted{static_cast<int64_t>(kind), state.range(0), state.range(1)};
      filled == nullptr || holds != wanted) {
    filled.reset();
    filled = std::make_unique<Filled>(kind, rows, dimension);
    holds = wanted;
  }
  const ferro::sync::EpochDomain::Guard guard(filled->epochs);
  std::vector<Match> matches;
  size_t at = 0;
  for (auto _ : state) {
    matches.clear();
    filled->index->search(filled->queries[at++ % filled->queries.size()], threshold, k, {}, matches);
    benchmark::DoNotOptimize(matches.data());
  }
  double hit_share = 0.0;
  state.counters["recall"] = recall(*filled, threshold, k, hit_share);
  state.counters["hits"] = hit_share;
  state.counters["bytes/vector"] =
      static_cast<double>(filled->index->bytes()) / static_cast<double>(rows * dimension * sizeof(float));
  state.SetLabel(std::string(filled->index->kind_name()));
}

// rows, dimension, threshold in percent, k
void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgsProduct({{100, 300, 1'000, 10'000, 100'000}, {384}, {92}, {1}});
  bench->ArgsProduct({{10'000}, {1536}, {92}, {1}});
  bench->ArgsProduct({{10'000}, {384}, {60, 80, 95}, {1, 10}});
  bench->Unit(benchmark::kMicrosecond);
}
BENCHMARK_CAPTURE(search_of, Search_flat, IndexKind::flat)->Apply(sizes);
BENCHMARK_CAPTURE(search_of, Search_automatic, IndexKind::automatic)->Apply(sizes);
BENCHMARK_CAPTURE(search_of, Search_hnsw, IndexKind::hnsw)->Apply(sizes);

// The counters are the result: recall before and after ten turnovers of every row.
void recall_of(benchmark::State& state, IndexKind kind) {
  constexpr int kTurnovers = 10;
  const auto k = static_cast<size_t>(state.range(3));
  const float threshold = static_cast<float>(state.range(2)) / 100.0F;
  Filled filled(kind, static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  double hit_share = 0.0;
  state.counters["fresh"] = recall(filled, threshold, k, hit_share);
  for (auto _ : state) {
    for (int i = 0; i < kTurnovers; ++i) filled.turn_over();
  }
  state.counters["turned"] = recall(filled, threshold, k, hit_share);
  state.counters["hits"] = hit_share;
  state.SetLabel(std::string(filled.index->kind_name()));
}
BENCHMARK_CAPTURE(recall_of, Recall_automatic, IndexKind::automatic)
    ->Args({100'000, 384, 92, 10})
    ->Iterations(1)
    ->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(recall_of, Recall_hnsw, IndexKind::hnsw)
    ->Args({10'000, 384, 92, 10})
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

void add_and_remove(benchmark::State& state) {
  Filled filled(IndexKind::automatic, 10'000, static_cast<size_t>(state.range(0)));
  size_t at = 0;
  for (auto _ : state) {
    filled.index->remove(filled.index->add(filled.queries[at++ % filled.queries.size()], &kOwner));
    filled.epochs.collect();
  }
}
BENCHMARK(add_and_remove)->Arg(384)->Arg(1536)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
