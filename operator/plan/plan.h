// The planner: spec, observed world and time in; actions, conditions, blockers and the next look out. Pure:
// no I/O, no clock, no memory between calls. Everything that takes several steps is continued from what is
// observed, so that a new leader goes on where the former one died. How to read it: sub_planners.h.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "operator/api/status.h"
#include "operator/plan/world.h"

namespace ferro::oper::plan {

// Every action is safe to carry out twice, and when what it was decided upon has passed already: it names the
// state that it starts from, and does nothing where that is no longer so. Performing one is operator/exec's.

// Makes or corrects the objects that the spec renders to, the StatefulSet with this many replicas.
struct ApplyObjects {
  int64_t statefulset_replicas = 0;
  bool shrinks = false;  // fewer than it has: pods go
};
// The first one of a cluster, or anew where its Secret was lost: anchors that the bundle still has stay
// trusted, as `previous`.
struct CreateAuthority {
  int64_t generation = 1;
  int64_t replaced_generation = 0;  // spec.tls.replaceCAGeneration that is acted on by this
};
// Phase 1 of a replacement: trusted, issues nothing. `generation` is the new one's.
struct PublishNextAuthority {
  int64_t generation = 0;
  int64_t replaced_generation = 0;
};
// Phase 2: next, which has this generation, becomes current, and current becomes previous.
struct PromoteAuthority {
  int64_t generation = 0;
};
// Phase 3 done: what is previous to the current one, which has this generation, leaves NAME-ca and then the
// bundle, which holds current (and next) alone afterwards.
struct DropPreviousAuthority {
  int64_t generation = 0;
};
struct RepublishTrust {};  // the bundle lacks an anchor that it should have: it gets it, and loses none
// By the current authority, whose fingerprint this is. Leaves of ordinals from `keep_below` on are removed.
struct IssueLeaves {
  std::vector<int64_t> ordinals;
  int64_t rotated_generation = 0;
  int64_t keep_below = 0;
  std::string issuer_fingerprint;
};
struct MintToken {  // a new generation beside the current one, or the first
  int64_t generation = 0;
  int64_t rotated_generation = 0;
};
struct SwitchToken {  // clients get the newest, which has this generation
  int64_t generation = 0;
};
struct DropOldToken {  // nothing but the current one, which has this generation, is accepted any more
  int64_t generation = 0;
};
struct StartDrain {
  std::string member;
};
struct CancelDrain {
  std::string member;
};
struct DeletePod {
  std::string pod;
  std::string uid;
  std::string reason;  // RollTemplate, ReplaceBroken, ResizeFileSystem, LostVolume
};
struct DeleteClaim {
  std::string claim;
  std::string uid;
  std::string reason;  // LostVolume, ScaledDown
};
struct GrowClaim {
  std::string claim;
  std::string size;
};
// The resource becomes one of the claim's owners; or neither it nor its StatefulSet is one any more.
struct OwnClaim {
  std::string claim;
  bool owned = false;
};
// Its claim template is immutable: delete with orphans, the next pass makes it anew.
struct RecreateStatefulSet {
  std::string uid;
};
struct Compact {
  std::string member;
};
struct SetReplicas {  // the autoscaler, through the scale subresource
  int64_t replicas = 0;
  std::string reason;
};

using Action =
    std::variant<ApplyObjects, CreateAuthority, PublishNextAuthority, PromoteAuthority, DropPreviousAuthority,
                 RepublishTrust, IssueLeaves, MintToken, SwitchToken, DropOldToken, StartDrain, CancelDrain,
                 DeletePod, DeleteClaim, GrowClaim, OwnClaim, RecreateStatefulSet, Compact, SetReplicas>;

// Worth telling people once: the controller drops what it has told already.
struct Event {
  bool warning = false;
  std::string reason;
  std::string message;
};

struct Plan {
  std::vector<Action> actions;  // in order; one that fails ends the pass
  api::ClusterStatus status;    // complete but for the times that carry_transitions keeps
  std::vector<Event> events;
  int64_t next_look_ms = 30'000;  // look again then at the latest
};

Plan make_plan(const World& world, int64_t now_unix);

// True for what takes a member out of service or works a node hard: at most one of these is in a plan.
bool is_disruptive(const Action& action) noexcept;
std::string_view name_of(const Action& action) noexcept;

}  // namespace ferro::oper::plan
