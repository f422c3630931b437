// The planner: spec, observed world and time in; actions, conditions, blockers and the next look out. Pure:
// no I/O, no clock, no memory between calls. Everything that takes several steps is continued from what is
// observed, so that a new leader goes on where the former one died.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "operator/api/status.h"
#include "operator/plan/world.h"

namespace ferro::oper::plan {

// Makes or corrects the objects that the spec renders to, the StatefulSet with this many replicas.
struct ApplyObjects {
  int64_t statefulset_replicas = 0;
};
struct CreateAuthority {  // the first one of a cluster
  int64_t generation = 1;
};
struct PublishNextAuthority {  // phase 1 of a replacement: trusted, issues nothing
  int64_t generation = 0;
};
struct PromoteAuthority {};       // phase 2: next becomes current, current becomes previous
struct DropPreviousAuthority {};  // phase 3 done: previous leaves the bundle
struct RepublishTrust {};         // the bundle lacks an anchor that it should have
struct IssueLeaves {
  std::vector<int64_t> ordinals;
  int64_t rotated_generation = 0;
};
struct MintToken {  // a new generation beside the current one
  int64_t generation = 0;
  int64_t rotated_generation = 0;
};
struct SwitchToken {};  // clients get the newest
struct DropOldToken {};
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
  std::string reason;
};
struct GrowClaim {
  std::string claim;
  std::string size;
};
struct RecreateStatefulSet {  // its claim template is immutable: delete with orphans, the next pass makes it
                              // anew
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
                 DeletePod, DeleteClaim, GrowClaim, RecreateStatefulSet, Compact, SetReplicas>;

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

// True for what takes a member out of service: at most one of these is in a plan.
bool is_disruptive(const Action& action) noexcept;
std::string_view name_of(const Action& action) noexcept;

}  // namespace ferro::oper::plan
