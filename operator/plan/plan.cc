#include "operator/plan/plan.h"

#include <array>
#include <utility>

#include "operator/plan/draft.h"
#include "operator/plan/facts.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

// In the order of Action's alternatives.
constexpr auto kNames = std::to_array<std::string_view>(
    {"ApplyObjects", "CreateAuthority", "PublishNextAuthority", "PromoteAuthority", "DropPreviousAuthority",
     "RepublishTrust", "IssueLeaves", "MintToken", "SwitchToken", "DropOldToken", "StartDrain", "CancelDrain",
     "DeletePod", "DeleteClaim", "GrowClaim", "OwnClaim", "RecreateStatefulSet", "Compact", "SetReplicas"});
static_assert(kNames.size() == std::variant_size_v<Action>);

// First what keeps members able to talk, then what nothing depends on the order of, then what takes a member
// out: what is lost or broken before what is merely wanted.
void ask_all_planners(const Facts& facts, Draft& draft) {
  plan_authority(facts, draft);
  plan_leaves(facts, draft);
  if (facts.spec.paused) return;
  plan_tokens(facts, draft);
  plan_objects(facts, draft);
  plan_lost_claims(facts, draft);
  plan_scale_down(facts, draft);
  plan_roll(facts, draft);
  plan_storage(facts, draft);
  plan_drains(facts, draft);
  plan_compaction(facts, draft);
  plan_autoscaling(facts, draft);
}

bool may_act(const World& world) {
  if (!world.invalid.empty() || world.cluster.deleting || world.namespace_terminating) return false;
  // A cluster that is paused from its first day on has nothing to keep alive.
  return !world.cluster.spec.paused || world.statefulset.has_value();
}

}  // namespace

Plan make_plan(const World& world, int64_t now_unix) {
  const Facts facts = look(world, now_unix);
  Draft draft(now_unix);
  if (may_act(world)) ask_all_planners(facts, draft);
  api::ClusterStatus status = make_status(facts, draft);
  Plan plan = std::move(draft).finish();
  status.blocked_by = std::move(plan.status.blocked_by);
  plan.status = std::move(status);
  return plan;
}

bool is_disruptive(const Action& action) noexcept {
  if (const auto* apply = std::get_if<ApplyObjects>(&action)) return apply->shrinks;
  return std::holds_alternative<StartDrain>(action) || std::holds_alternative<DeletePod>(action) ||
         std::holds_alternative<DeleteClaim>(action) || std::holds_alternative<RecreateStatefulSet>(action) ||
         std::holds_alternative<Compact>(action);
}

std::string_view name_of(const Action& action) noexcept {
  return kNames[action.index()];
}

}  // namespace ferro::oper::plan
