// The sub-planners, one file each, in the order in which make_plan asks them. Each looks at the facts, adds
// what it would do to the draft, and names the rule that holds it back. None knows of another but through the
// draft.
//
// world.h is what is observed, facts.h the questions that are asked of it. What a sub-planner does not do now
// it holds: an operation (operations.h) by a rule (rules.h), with a sentence for people. gate.h has the rules
// for taking a member out of service, confirm.h those for what every member must have loaded first.
#pragma once

#include "operator/plan/draft.h"
#include "operator/plan/facts.h"

namespace ferro::oper::plan {

// Never disruptive; run in a paused cluster as well.
void plan_authority(const Facts& facts, Draft& draft);
void plan_leaves(const Facts& facts, Draft& draft);

// Not disruptive.
void plan_tokens(const Facts& facts, Draft& draft);

// One disruptive action between all of these, first come, first served.
void plan_objects(const Facts& facts, Draft& draft);  // objects, scale up, shrink, hibernate, wake, transport
void plan_lost_claims(const Facts& facts,
                      Draft& draft);  // a volume that is gone, or was deleted under a member
void plan_scale_down(const Facts& facts, Draft& draft);  // drain; the shrinking itself is plan_objects'
void plan_roll(const Facts& facts, Draft& draft);
void plan_storage(const Facts& facts, Draft& draft);  // growth, and claims that nobody needs any more
void plan_drains(const Facts& facts, Draft& draft);   // takes back what no operation wants
void plan_compaction(const Facts& facts, Draft& draft);
void plan_autoscaling(const Facts& facts, Draft& draft);

// Whether leaves and tokens exist for pods of ordinals below `count` to start with.
bool has_credentials(const Facts& facts, int64_t count);
// The highest member may be removed from the StatefulSet: it has left the ring, or never was in it.
bool may_shrink(const Facts& facts);
// A member less is wanted.
bool is_scaling_down(const Facts& facts);
// When the authority, or a certificate, is to be replaced for its age.
int64_t renewal_unix(int64_t not_before_unix, int64_t not_after_unix, int64_t renew_before_s);

// What the spec still wants of snapshots.compactGeneration, for status.
struct CompactionRequest {
  int64_t generation = 0;
  std::vector<api::PendingCompaction> pending;
};
CompactionRequest compaction_request(const Facts& facts);

// Everything in status. `Draft` has been through all of the above.
api::ClusterStatus make_status(const Facts& facts, const Draft& draft);

}  // namespace ferro::oper::plan
