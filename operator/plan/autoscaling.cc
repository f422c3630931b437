// One node up or down by memory and latency, through the scale subresource: from there on it is any other
// scaling.
#include <algorithm>
#include <string>

#include "operator/plan/gate.h"
#include "operator/plan/limits.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

void set_replicas(Draft& draft, int64_t replicas, std::string reason) {
  draft.event(false, "Autoscaled", "to " + std::to_string(replicas) + " members: " + reason);
  draft.act(SetReplicas{replicas, std::move(reason)});
}

}  // namespace

void plan_autoscaling(const Facts& facts, Draft& draft) {
  if (!facts.spec.autoscaling || facts.spec.hibernated || facts.held == 0) return;
  const api::AutoscalingSpec& spec = *facts.spec.autoscaling;
  const AutoscaleSample& sample = facts.world.autoscale;
  // It never trades a copy for a node: a cluster of one stays as it is, any other keeps as many members as
  // copies.
  const int64_t least =
      facts.wanted == 1 ? spec.min_replicas : std::max(spec.min_replicas, facts.spec.replication_factor);
  const int64_t most = std::max(spec.max_replicas, least);
  if (facts.wanted != facts.held) return;  // a scale is under way
  if (facts.wanted < least) return set_replicas(draft, least, "autoscaling.minReplicas");
  if (facts.wanted > most) return set_replicas(draft, most, "autoscaling.maxReplicas");
  const auto lasts = [&](int64_t since) {
    return since != 0 && facts.now >= std::max(since, sample.last_scale_unix) + spec.stabilization_s;
  };
  const bool up = lasts(sample.above_since_unix);
  if (!up && !lasts(sample.below_since_unix)) return;
  if (facts.wanted == (up ? most : least)) {
    if (up)
      draft.hold(kAutoscale,
                 {Rule::autoscaler_at_limit, "", "above its target with autoscaling.maxReplicas members"});
    return;
  }
  // The last step has to have worked before the next one is judged.
  if (auto hold = gate(facts, std::nullopt)) return draft.hold(kAutoscale, std::move(*hold));
  if (draft.slot_taken() || !draft.operations().empty()) {
    draft.hold(kAutoscale, {Rule::other_action_first, "", "scaling waits for what is under way"});
    return;
  }
  set_replicas(
      draft, facts.wanted + (up ? 1 : -1),
      up ? "memory or latency is above its target" : "memory and latency are well below their targets");
}

}  // namespace ferro::oper::plan
