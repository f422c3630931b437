// Worlds for table tests: a healthy cluster, to be changed in one place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "operator/plan/plan.h"
#include "operator/plan/world.h"

namespace ferro::oper::plan {

inline constexpr int64_t kNow = 1'800'000'000;
inline constexpr int64_t kDay = 86'400;

// `members` nodes that run, are ready, in step and on the current template; everything was made ten days ago.
// A plan for it has no action.
World healthy(int64_t members = 3);
// Nothing but the resource.
World fresh(int64_t replicas = 3);

NodeReport& report_of(World& world, int64_t ordinal);
PodView& pod_of(World& world, int64_t ordinal);
// All reports: the ring as it is now has this many members, at the next epoch.
void set_ring(World& world, int64_t members);
// Its container does not run.
void break_pod(World& world, int64_t ordinal, std::string waiting_reason);
// Silent, and not ready for its kubelet.
void lose_pod(World& world, int64_t ordinal);
// Ready for its kubelet, but the operator gets no answer.
void silence(World& world, int64_t ordinal);
// What make_plan said goes into the resource's status, as the controller would write it.
void write_status(World& world, const Plan& plan);

// The actions' names, in order.
std::vector<std::string> names(const Plan& plan);
// "action/rule" or "action/rule/member" of every blocker.
std::vector<std::string> blockers(const Plan& plan);
const api::Condition& condition(const Plan& plan, const std::string& type);

template <typename T>
const T* find(const Plan& plan) {
  for (const Action& action : plan.actions) {
    if (const T* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}

}  // namespace ferro::oper::plan
