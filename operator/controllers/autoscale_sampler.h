// Follows memory and query times of one cluster for the autoscaler. Its memory may be lost: after a restart
// of the operator `stabilizationSeconds` begin anew, which errs on the side of not scaling.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "operator/api/spec.h"
#include "operator/nodeclient/node_client.h"
#include "operator/plan/world.h"

namespace ferro::oper::controllers {

// The q-quantile of a cumulative histogram by linear interpolation within a bucket, as Prometheus does it;
// nothing without observations. What is beyond the last finite bound counts as that bound.
std::optional<double> quantile(double q, const std::map<double, uint64_t>& cumulative);

// Of one cluster; used by one pass at a time.
class AutoscaleSampler {
 public:
  // Query times are looked at over at least this long: fewer queries tell chance.
  static constexpr int64_t kWindowSeconds = 30;
  // Both figures below this share of their targets for as long: one member fewer.
  static constexpr double kLowShare = 0.7;

  // True when figures should be scraped for this pass.
  bool wants_figures(const api::ClusterSpec& spec, int64_t now_unix) const;
  // `figures` by member, of those that answered.
  void add(const std::map<std::string, nodeclient::NodeFigures>& figures, int64_t now_unix);
  void scaled(int64_t now_unix) { last_scale_unix_ = now_unix; }
  plan::AutoscaleSample sample(const api::ClusterSpec& spec, int64_t now_unix);

 private:
  std::map<std::string, nodeclient::NodeFigures> window_start_;
  int64_t window_start_unix_ = 0;
  double memory_percent_ = 0;
  bool seen_ = false;
  std::optional<double> p99_ms_;
  int64_t last_scale_unix_ = 0, above_since_unix_ = 0, below_since_unix_ = 0;
};

}  // namespace ferro::oper::controllers
