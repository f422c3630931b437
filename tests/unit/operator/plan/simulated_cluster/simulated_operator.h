// The operator around make_plan: caches that lag, actions that fail, are carried out without an answer, or
// are cut short by the end of the process; and what must hold whatever it does.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tests/unit/operator/plan/simulated_cluster/simulated_cluster.h"

namespace ferro::oper::plan::sim {

// Of the chaos that surrounds every pass; all nought = a quiet world.
struct Chaos {
  double lag = 0;           // the caches are a step or two behind
  double action_fails = 0;  // before it does anything
  double answer_lost = 0;   // it was carried out, the operator thinks that it failed
  double crash = 0;         // after some action, and a new process begins with fresh caches
  double probe_fails = 0;   // once, for one pod
};

class SimulatedOperator {
 public:
  explicit SimulatedOperator(SimulatedCluster& cluster) : cluster_(cluster) {}

  // One pass. Broken invariants are added to `faults`.
  void pass(const Chaos& chaos, std::vector<std::string>& faults);

  const Plan& plan() const noexcept { return plan_; }
  int64_t writes() const noexcept { return writes_; }  // actions and changed status, ever
  // Secrets were lost: until everybody has read the new ones nothing can be asked of trust and tokens.
  void excuse_secrets(int64_t until) { excused_until_ = until; }
  bool is_excused() const { return cluster_.now() < excused_until_; }
  const std::vector<std::string>& log() const noexcept { return log_; }
  World world_of(const Objects& seen, const Chaos& chaos);

 private:
  bool perform(const Action& action);
  bool sees_pods(const World& world) const;
  bool sees_set(const World& world) const;
  void perform_on_secrets(const Action& action);
  void perform_on_objects(const Action& action);
  void check_before(const Action& action, const World& world, std::vector<std::string>& faults);
  void check_taking_out(int64_t ordinal, const std::string& what, std::vector<std::string>& faults);
  void check_shrink(const ApplyObjects& apply, std::vector<std::string>& faults);
  void write_status(const World& world);

  SimulatedCluster& cluster_;
  std::deque<Objects> history_;  // the last three states, newest last
  size_t seen_ = 0;              // how far behind the cache was last; it never goes back
  int64_t seen_at_ = 0;
  std::deque<int64_t> history_at_;
  int64_t wrote_at_ = 0;  // the caches have to have seen this before anything disruptive
  Plan plan_;
  Template rendered_;  // of the spec that this pass has seen
  int64_t writes_ = 0;
  int64_t next_key_ = 1;
  int64_t excused_until_ = 0;
  std::vector<std::string> log_;
};

// What has to hold at every step, whoever acted last.
void check_always(const SimulatedCluster& cluster, bool secrets_excused, std::vector<std::string>& faults);

}  // namespace ferro::oper::plan::sim
