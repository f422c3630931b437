#include "operator/plan/draft.h"

#include <algorithm>
#include <utility>

#include "operator/plan/limits.h"

namespace ferro::oper::plan {

bool Draft::take_slot(std::string_view operation, Action action, std::string message) {
  if (slot_taken_) {
    hold(operation, {Rule::other_action_first, "", "another step goes first: one thing at a time"});
    return false;
  }
  slot_taken_ = true;
  event(false, std::string(name_of(action)), std::move(message));
  actions_.push_back(std::move(action));
  return true;
}

void Draft::hold(std::string_view operation, Hold hold) {
  if (passes_by_itself(hold.rule)) waits_ = true;
  blockers_.push_back({std::string(operation), std::string(name_of(hold.rule)), std::move(hold.member), 0,
                       std::move(hold.message)});
}

void Draft::event(bool warning, std::string reason, std::string message) {
  events_.push_back({warning, std::move(reason), std::move(message)});
}

void Draft::look_at(int64_t unix) {
  const int64_t in_ms = std::max<int64_t>(unix - now_, 0) * 1000 + 1;
  look_in_ms_ = look_in_ms_ == 0 ? in_ms : std::min(look_in_ms_, in_ms);
}

bool Draft::changes_pods(int64_t held) const noexcept {
  return std::any_of(actions_.begin(), actions_.end(), [held](const Action& action) {
    const auto* apply = std::get_if<ApplyObjects>(&action);
    return apply != nullptr && apply->statefulset_replicas != held;
  });
}

Plan Draft::finish() && {
  Plan plan;
  const bool moves = waits_ || std::any_of(under_way_.begin(), under_way_.end(),
                                           [](const UnderWay& operation) { return !operation.stalled; });
  plan.next_look_ms = !actions_.empty() ? kLookAfterActionMs : moves ? kLookUnderWayMs : kLookAtRestMs;
  if (look_in_ms_ > 0)
    plan.next_look_ms = std::min(plan.next_look_ms, std::max(look_in_ms_, kLookAfterActionMs));
  plan.actions = std::move(actions_);
  plan.events = std::move(events_);
  plan.status.blocked_by = std::move(blockers_);
  return plan;
}

}  // namespace ferro::oper::plan
