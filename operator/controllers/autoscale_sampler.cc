#include "operator/controllers/autoscale_sampler.h"

#include <algorithm>
#include <cmath>

namespace ferro::oper::controllers {
namespace {

// Adds what `now` counts beyond `before`; false if a counter went back: the node started anew.
bool add_difference(const std::map<double, uint64_t>& before, const std::map<double, uint64_t>& now,
                    std::map<double, uint64_t>& sum) {
  std::map<double, uint64_t> difference;
  for (const auto& [bound, count] : now) {
    const auto former = before.find(bound);
    if (former == before.end() || former->second > count) return false;
    difference[bound] = count - former->second;
  }
  for (const auto& [bound, count] : difference) sum[bound] += count;
  return true;
}

double fullest(const std::map<std::string, nodeclient::NodeFigures>& figures) {
  double percent = 0;
  for (const auto& [member, node] : figures) {
    if (node.memory_max_bytes <= 0) continue;
    percent = std::max(
        percent, 100.0 * static_cast<double>(node.memory_bytes) / static_cast<double>(node.memory_max_bytes));
  }
  return percent;
}

}  // namespace

std::optional<double> quantile(double q, const std::map<double, uint64_t>& cumulative) {
  if (cumulative.empty() || cumulative.rbegin()->second == 0) return std::nullopt;
  const double rank = q * static_cast<double>(cumulative.rbegin()->second);
  double lower = 0;
  uint64_t below = 0;
  for (const auto& [bound, count] : cumulative) {
    if (static_cast<double>(count) >= rank) {
      if (std::isinf(bound)) return lower;
      const auto within = static_cast<double>(count - below);
      return within <= 0 ? bound : lower + (bound - lower) * (rank - static_cast<double>(below)) / within;
    }
    lower = std::isinf(bound) ? lower : bound;
    below = count;
  }
  return lower;
}

bool AutoscaleSampler::wants_figures(const api::ClusterSpec& spec, int64_t now_unix) const {
  return spec.autoscaling && (!seen_ || now_unix - window_start_unix_ >= kWindowSeconds);
}

void AutoscaleSampler::add(const std::map<std::string, nodeclient::NodeFigures>& figures, int64_t now_unix) {
  if (figures.empty()) return;  // nobody answered: what was known stands
  std::map<double, uint64_t> sum;
  for (const auto& [member, node] : figures) {
    const auto before = window_start_.find(member);
    if (before != window_start_.end()) {
      add_difference(before->second.queries_by_seconds, node.queries_by_seconds, sum);
    }
  }
  const auto p99_s = quantile(0.99, sum);
  p99_ms_ = p99_s ? std::optional<double>(*p99_s * 1000) : std::nullopt;
  memory_percent_ = fullest(figures);
  window_start_ = figures;
  window_start_unix_ = now_unix;
  seen_ = true;
}

plan::AutoscaleSample AutoscaleSampler::sample(const api::ClusterSpec& spec, int64_t now_unix) {
  plan::AutoscaleSample sample;
  sample.last_scale_unix = last_scale_unix_;
  if (!spec.autoscaling || !seen_) return sample;
  const api::AutoscalingSpec& targets = *spec.autoscaling;
  const double p99 = p99_ms_.value_or(0);  // no traffic is fast
  bool above = false, below = true;
  const auto judge = [&above, &below](double value, const std::optional<int64_t>& target) {
    if (!target) return;
    above |= value > static_cast<double>(*target);
    below &= value < kLowShare * static_cast<double>(*target);
  };
  judge(memory_percent_, targets.target_memory_percent);
  judge(p99, targets.target_p99_ms);
  below &= targets.target_memory_percent || targets.target_p99_ms;
  above_since_unix_ = !above ? 0 : above_since_unix_ == 0 ? now_unix : above_since_unix_;
  below_since_unix_ = !below ? 0 : below_since_unix_ == 0 ? now_unix : below_since_unix_;
  sample.memory_percent = memory_percent_;
  sample.p99_ms = p99_ms_;
  sample.above_since_unix = above_since_unix_;
  sample.below_since_unix = below_since_unix_;
  return sample;
}

}  // namespace ferro::oper::controllers
