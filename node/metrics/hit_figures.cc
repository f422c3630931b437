#include "node/metrics/hit_figures.h"

#include <algorithm>

namespace ferro::node::metrics {

namespace {
constexpr double kMicro = 1e6;
}

void HitFigures::observe(const store::Hit& hit) noexcept {
  response_bytes_.fetch_add(hit.response.size(), std::memory_order_relaxed);
  if (hit.exact_match) return;
  const double similarity = std::clamp(static_cast<double>(hit.similarity), 0.0, 1.0);
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end() - 1, similarity) - kBounds.begin();
  counts_[static_cast<size_t>(bound)].fetch_add(1, std::memory_order_relaxed);
  similarity_sum_micro_.fetch_add(static_cast<uint64_t>(similarity * kMicro), std::memory_order_relaxed);
}

void HitFigures::add_to(Families& out) const {
  prometheus::ClientMetric sample;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < kBounds.size(); ++i) {
    cumulative += counts_[i].load(std::memory_order_relaxed);
    sample.histogram.bucket.push_back({cumulative, kBounds[i]});
  }
  sample.histogram.sample_count = cumulative;
  sample.histogram.sample_sum =
      static_cast<double>(similarity_sum_micro_.load(std::memory_order_relaxed)) / kMicro;
  out.family("ferrocache_hit_similarity", "Similarity of the hits that were found by their vector.",
             prometheus::MetricType::Histogram)
      .metric.push_back(std::move(sample));
  out.counter("ferrocache_hit_response_bytes_total", "Bytes of the answers that hits were given.",
              response_bytes_.load(std::memory_order_relaxed));
}

}  // namespace ferro::node::metrics
