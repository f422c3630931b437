// An index beside a model of it: a list of live vectors that is searched exhaustively in double precision.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/sync/epoch.h"
#include "node/index/adaptive_index.h"
#include "node/index/tuning.h"
#include "node/index/vector_index.h"
#include "tests/unit/node/index/vectors.h"

namespace ferro::node::index {

struct Owner {
  std::vector<float> vector;
  Row row = kNoRow;
  bool expired = false;
};

// Everything happens early, so that small tests meet every transition.
inline constexpr IndexTuning kSmallTuning{.flat_rows_max = 64,
                                          .graph_rows_min = 300,
                                          .graph_rows_min_automatic = 1'000'000,
                                          .fold_rows_min = 40,
                                          .job_floats = 6000};

inline bool not_expired(const void* owner) {
  return !static_cast<const Owner*>(owner)->expired;
}

class IndexHarness {
 public:
  IndexHarness(size_t dimension, IndexKind kind, unsigned seed, const IndexTuning& tuning = kSmallTuning,
               size_t topics = 40);
  ~IndexHarness();

  void insert(std::vector<float> vector);
  void insert() { insert(topics_.draw(rng)); }
  void remove(size_t at);
  void replace(size_t at) {
    remove(at);
    insert();
  }
  // As much as goes at once; what readers may still see is freed by `epochs`.
  bool give_memory_back(size_t bytes_max = 4096) {
    return index->give_memory_back(bytes_max, [](const void* owner, Row to) {
      static_cast<Owner*>(const_cast<void*>(owner))->row = to;
    });
  }
  // Runs jobs until none is due.
  void maintain();
  // Starts a job on another thread if one is due, or gives back the one that is done.
  void maintain_beside();
  void wait_for_job();

  // Searches, and holds the answer against the model: every match right, and counts how many there should be.
  void check_search(const std::vector<float>& query, float threshold, size_t k);
  // Some queries near rows, some near topics, over thresholds and k.
  void check_searches(int count);
  void check_scan(const std::vector<float>& query, float threshold);
  double recall() const {
    return expected == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(expected);
  }

  std::mt19937 rng;
  sync::EpochDomain epochs;
  std::unique_ptr<AdaptiveIndex> index;
  std::vector<std::unique_ptr<Owner>> live;
  size_t expected = 0, found = 0;  // neighbours over all check_search calls

 private:
  Topics topics_;
  std::unique_ptr<MaintenanceJob> job_;
  std::thread worker_;
  std::atomic<bool> job_done_{false};
};

}  // namespace ferro::node::index
