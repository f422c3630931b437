// The world as the sub-planners ask about it: members by ordinal, how many there are to be, how many copies
// are kept. Computed once a pass; pure. Points into the World that it was made of, which outlives it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/api/status.h"
#include "operator/plan/world.h"

namespace ferro::oper::plan {

struct Member {
  int64_t ordinal = 0;
  std::string name;
  const PodView* pod = nullptr;
  const ClaimView* claim = nullptr;

  const NodeReport* report() const noexcept {
    return pod != nullptr && pod->report ? &*pod->report : nullptr;
  }
};

// What only the resource's own status still tells.
struct Remembered {
  int64_t ring_members = 0;
  int64_t ca_generation = 0;
  int64_t token_generation = 0;
  int64_t compact_generation = 0;
  std::vector<api::PendingCompaction> compactions_pending;
  std::string version;
  std::string progressing_reason;  // of the condition, while it is True: what was under way at the last look
};

struct Facts {
  const World& world;
  const api::ClusterSpec& spec;
  int64_t now = 0;
  Remembered remembered;
  int64_t wanted = 0;       // replicas that the spec asks for when it is not hibernated
  int64_t held = 0;         // replicas that the StatefulSet has
  int64_t ordinals = 0;     // leaves are kept for ordinals below this: those that run, are to run or may wake
  int64_t copies = 1;       // of every partition, as the ring keeps them
  bool tls_switch = false;  // pods of the other transport exist: they have to go before others come
  std::vector<Member> members = {};          // ordinals below `held`
  std::vector<const PodView*> leaving = {};  // pods of higher ordinals
  std::vector<const ClaimView*> unused =
      {};  // claims of ordinals that neither run nor are to run nor may wake

  const Member* member(int64_t ordinal) const noexcept;
  int64_t count_ready() const noexcept;
};

Facts look(const World& world, int64_t now_unix);

// The kubelet's word and, where there is one, the node's own.
bool is_ready(const PodView& pod) noexcept;
bool is_draining(const NodeReport* report) noexcept;
// Its container does not run, for whatever reason: it holds nothing that is not on its volume, and deleting
// it takes nothing out of service.
bool is_dead(const PodView& pod) noexcept;
// Its container has ended or cannot be started: that is more than starting, however young the pod is.
bool has_stumbled(const PodView& pod) noexcept;
// The volume behind the claim is gone for good.
bool is_lost(const ClaimView& claim) noexcept;
// Its volume is gone, or somebody has it deleted.
bool has_lost_volume(const Member& member) noexcept;
// On its way in or out, and not for longer than that takes; or copying what it is to own.
bool is_passing(const Facts& facts, const Member& member) noexcept;
// In words: "waits: ImagePullBackOff (...)".
std::string describe(const PodView& pod);

}  // namespace ferro::oper::plan
