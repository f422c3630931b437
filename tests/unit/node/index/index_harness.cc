#include "tests/unit/node/index/index_harness.h"

#include <algorithm>
#include <set>

#include "common/base/limits.h"

namespace ferro::node::index {

namespace {

constexpr double kRounding = 2e-6;

double exact_score(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

IndexOptions options_of(IndexKind kind) {
  IndexOptions options;
  options.kind = kind;
  options.ef_construction = 60;
  return options;
}

}  // namespace

IndexHarness::IndexHarness(size_t dimension, IndexKind kind, unsigned seed, const IndexTuning& tuning,
                           size_t topics)
    : rng(seed),
      index(std::make_unique<AdaptiveIndex>(dimension, options_of(kind), tuning, epochs)),
      topics_(rng, dimension, topics) {}

IndexHarness::~IndexHarness() {
  wait_for_job();
  // What an index retires may point into it: it goes last (VectorIndex).
  for (int rounds = 0; rounds < 16 && epochs.collect() > 0; ++rounds) {
  }
  index.reset();
}

void IndexHarness::insert(std::vector<float> vector) {
  auto owner = std::make_unique<Owner>();
  owner->vector = std::move(vector);
  owner->row = index->add(owner->vector, owner.get());
  live.push_back(std::move(owner));
}

void IndexHarness::remove(size_t at) {
  index->remove(live[at]->row);
  std::swap(live[at], live.back());
  live.pop_back();
  epochs.collect();
}

void IndexHarness::maintain() {
  wait_for_job();
  while (auto job = index->begin_maintenance()) {
    job->run();
    index->finish_maintenance(std::move(job));
    epochs.collect();
  }
}

void IndexHarness::maintain_beside() {
  if (job_ != nullptr) {
    if (job_done_.load()) wait_for_job();
    return;
  }
  job_ = index->begin_maintenance();
  if (job_ == nullptr) return;
  job_done_ = false;
  worker_ = std::thread([this] {
    job_->run();
    job_done_ = true;
  });
}

void IndexHarness::wait_for_job() {
  if (job_ == nullptr) return;
  worker_.join();
  index->finish_maintenance(std::move(job_));
  epochs.collect();
}

void IndexHarness::check_search(const std::vector<float>& query, float threshold, size_t k) {
  std::vector<Match> matches;
  {
    sync::EpochDomain::Guard guard(epochs);
    index->search(query, threshold, k, not_expired, matches);
  }
  std::vector<double> scores;
  for (const auto& owner : live) {
    const double score = exact_score(query, owner->vector);
    if (!owner->expired && score >= static_cast<double>(threshold)) scores.push_back(score);
  }
  std::sort(scores.rbegin(), scores.rend());
  if (scores.size() > k) scores.resize(k);

  std::set<const void*> seen;
  ASSERT_LE(matches.size(), k);
  for (size_t i = 0; i < matches.size(); ++i) {
    const auto* owner = static_cast<const Owner*>(matches[i].owner);
    ASSERT_TRUE(std::any_of(live.begin(), live.end(), [&](const auto& one) { return one.get() == owner; }));
    ASSERT_EQ(matches[i].row, owner->row);
    ASSERT_FALSE(owner->expired);
    ASSERT_TRUE(seen.insert(owner).second) << "reported twice";
    ASSERT_NEAR(matches[i].score, exact_score(query, owner->vector), kRounding);
    ASSERT_GE(matches[i].score, threshold - limits::kSimilarityTolerance);
    if (i > 0) {
      ASSERT_GE(matches[i - 1].score, matches[i].score);
    }
  }
  // By score, so that neighbours at one distance may stand for each other.
  size_t at = 0;
  for (const double score : scores) {
    ++expected;
    if (at < matches.size() && static_cast<double>(matches[at].score) >= score - kRounding) {
      ++found;
      ++at;
    }
  }
}

void IndexHarness::check_searches(int count) {
  for (int i = 0; i < count; ++i) {
    std::vector<float> query = topics_.draw(rng);
    if (i % 2 == 0 && !live.empty()) query = vector_near(rng, live[rng() % live.size()]->vector, 0.2F);
    constexpr float kThresholds[] = {0.97F, 0.92F, 0.8F, 0.5F, 0.0F};
    constexpr size_t kCounts[] = {1, 1, 3, 10, 100};
    ASSERT_NO_FATAL_FAILURE(check_search(query, kThresholds[rng() % 5], kCounts[rng() % 5]));
  }
}

void IndexHarness::check_scan(const std::vector<float>& query, float threshold) {
  std::vector<Match> matches;
  {
    sync::EpochDomain::Guard guard(epochs);
    index->scan(query, threshold, not_expired, matches);
  }
  std::set<const void*> seen;
  for (const Match& match : matches) seen.insert(match.owner);
  ASSERT_EQ(seen.size(), matches.size());
  for (const auto& owner : live) {
    const double score = exact_score(query, owner->vector);
    const double floor = static_cast<double>(threshold - limits::kSimilarityTolerance);
    if (std::abs(score - floor) < kRounding) continue;
    ASSERT_EQ(seen.count(owner.get()) == 1, !owner->expired && score > floor);
  }
}

}  // namespace ferro::node::index
