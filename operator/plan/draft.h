// A plan while it is being made: the sub-planners add to it, in order of precedence. One disruptive slot: the
// first that takes it has it, everybody after that is told to wait. Owned by make_plan for one pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/plan/plan.h"
#include "operator/plan/rules.h"

namespace ferro::oper::plan {

// Something that takes several passes and is not done: what Progressing tells.
struct UnderWay {
  std::string reason;    // Creating, ScalingUp, ScalingDown, Rolling, ...
  std::string message;   // changes only when something has
  bool stalled = false;  // a person has to do something
};

class Draft {
 public:
  explicit Draft(int64_t now_unix) : now_(now_unix) {}

  // Not disruptive.
  void act(Action action) { actions_.push_back(std::move(action)); }
  // Disruptive; false, and a blocker `OtherActionFirst`, if the slot is taken.
  bool take_slot(std::string_view operation, Action action, std::string message);
  bool slot_taken() const noexcept { return slot_taken_; }

  // An operation (operations.h) waits: one line of status.blockedBy.
  void hold(std::string_view operation, Hold hold);
  void under_way(UnderWay operation) { under_way_.push_back(std::move(operation)); }
  void event(bool warning, std::string reason, std::string message);
  // Look again at this time at the latest.
  void look_at(int64_t unix);
  // A step of a rotation that waits for nodes to load something: seconds.
  void look_soon() { waits_ = true; }

  // A member that some operation wants drained, and no other: every other drain is taken back.
  void want_drained(int64_t ordinal) { drain_wanted_ = ordinal; }
  std::optional<int64_t> drain_wanted() const noexcept { return drain_wanted_; }

  const std::vector<UnderWay>& operations() const noexcept { return under_way_; }
  const std::vector<api::Blocker>& blockers() const noexcept { return blockers_; }
  const std::vector<Action>& actions() const noexcept { return actions_; }
  // The StatefulSet gets another number of pods than `held`.
  bool changes_pods(int64_t held) const noexcept;

  // Moves everything but the status out.
  Plan finish() &&;

 private:
  const int64_t now_;
  std::vector<Action> actions_;
  std::vector<api::Blocker> blockers_;
  std::vector<UnderWay> under_way_;
  std::vector<Event> events_;
  std::optional<int64_t> drain_wanted_;
  bool slot_taken_ = false;
  bool waits_ = false;
  int64_t look_in_ms_ = 0;  // 0 = no deadline
};

}  // namespace ferro::oper::plan
