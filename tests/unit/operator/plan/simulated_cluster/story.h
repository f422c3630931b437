// One random life of a cluster: created, changed and hurt for a while, then left alone until it settles. All
// from one seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/operator/plan/simulated_cluster/simulated_cluster.h"
#include "tests/unit/operator/plan/simulated_cluster/simulated_operator.h"

namespace ferro::oper::plan::sim {

class Story {
 public:
  Story(uint64_t seed, bool aloud);
  void run();

  const std::vector<std::string>& faults() const noexcept { return faults_; }
  int64_t steps() const noexcept { return steps_; }

  // For stories that a test tells itself.
  SimulatedCluster& cluster() noexcept { return cluster_; }
  SimulatedOperator& oper() noexcept { return operator_; }
  void step(const Chaos& chaos = {});
  // Until nothing is written and all is as the spec says, or a fault is added.
  void settle();
  // The spec as changed by a person.
  api::ClusterSpec& change();

 private:
  void random_event();
  void random_spec_change();
  void random_fault();
  void make_sane();  // a spec that can be reached, and no faults
  bool is_settled() const;
  void check_rest();
  void say(const std::string& what);

  SimulatedCluster cluster_;
  SimulatedOperator operator_;
  bool aloud_;
  int64_t steps_ = 0;
  std::vector<api::ClusterSpec> former_;
  std::vector<std::string> faults_;
  size_t told_ = 0;
};

}  // namespace ferro::oper::plan::sim
