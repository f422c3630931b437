// What /metrics tells of every cluster. A cluster's series go with the cluster.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "operator/api/status.h"

namespace ferro::oper::controllers {

struct ClusterFigures {
  std::string phase;
  int64_t desired = 0, ready = 0;
  bool paused = false;
  std::map<std::string, std::string> conditions;  // type to True, False, Unknown
  std::map<std::string, int64_t> expiries;        // "ca", "node", "operator" to Unix seconds; 0 = none
  std::vector<api::Blocker> blocked;
};

// Thread-safe; owned by main, outlives the metrics server.
class ClusterFiguresBook final : public prometheus::Collectable {
 public:
  void set(const std::string& key, ClusterFigures figures);
  void forget(const std::string& key);
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, ClusterFigures> by_cluster_;  // "namespace/name"
};

}  // namespace ferro::oper::controllers
