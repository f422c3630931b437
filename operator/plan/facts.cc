#include "operator/plan/facts.h"

#include <algorithm>

#include "operator/api/bounds.h"
#include "operator/api/names.h"
#include "operator/api/units.h"
#include "operator/plan/limits.h"
#include "operator/plan/rules.h"

namespace ferro::oper::plan {
namespace {

using Json = nlohmann::json;

const Json& child(const Json& object, const char* name) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

int64_t number_in(const Json& object, const char* name) {
  const Json& value = child(object, name);
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

std::string text_in(const Json& object, const char* name) {
  const Json& value = child(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

int64_t generation_in(const Json& object, const char* name) {
  const int64_t generation = number_in(object, name);
  return generation >= 0 && generation <= api::bounds::kGenerationMax ? generation : 0;
}

// Anybody who may write status can have written this: what does not fit is as good as absent.
Remembered remember(const Json& status) {
  Remembered remembered;
  remembered.ring_members = std::clamp<int64_t>(number_in(status, "ringMembers"), 0, 100);
  remembered.ca_generation = generation_in(child(status, "tls"), "caGeneration");
  remembered.token_generation = generation_in(child(status, "auth"), "generation");
  remembered.version = text_in(status, "version");
  const Json& compaction = child(status, "compaction");
  remembered.compact_generation = number_in(compaction, "generation");
  const Json& pending = child(compaction, "pending");
  if (pending.is_array()) {
    for (const Json& item : pending)
      remembered.compactions_pending.push_back({text_in(item, "member"), number_in(item, "snapshotNumber")});
  }
  const Json& conditions = child(status, "conditions");
  if (conditions.is_array()) {
    for (const Json& item : conditions) {
      if (text_in(item, "type") == "Progressing" && text_in(item, "status") == "True")
        remembered.progressing_reason = text_in(item, "reason");
    }
  }
  return remembered;
}

int64_t above_pods(const World& world) {
  int64_t count = 0;
  for (const PodView& pod : world.pods) count = std::max(count, pod.ordinal + 1);
  return count;
}

// Volumes of this cluster's own life. A former cluster of the same name may have left some.
int64_t above_claims(const World& world) {
  int64_t count = 0;
  for (const ClaimView& claim : world.claims) {
    if (!claim.terminating && claim.created_unix >= world.cluster.created_unix)
      count = std::max(count, claim.ordinal + 1);
  }
  return count;
}

// Members that hold data, whether they run or not. Without a StatefulSet or its memory everything that may
// hold data counts: one member too many is drained again, one too few would be a loss.
int64_t holders(const Facts& facts) {
  const World& world = facts.world;
  if (facts.held > 0) return std::max(facts.held, above_pods(world));
  int64_t count = std::max(facts.remembered.ring_members, above_pods(world));
  if (facts.remembered.ring_members == 0) count = std::max(count, above_claims(world));
  return count;
}

std::string with(std::string text, const std::string& detail) {
  return detail.empty() ? text : text + " (" + detail + ")";
}

// The kubelet's own messages count seconds and swap their words back and forth: what is said here stays the
// same while nothing changes.
std::string describe_waiting(const PodView& pod) {
  const std::string& reason = pod.waiting_reason;
  if (reason == "ErrImagePull" || reason == "ImagePullBackOff" || reason == "InvalidImageName" ||
      reason == "ErrImageNeverPull")
    return "waits: its image cannot be pulled; look at spec.image and spec.imagePullSecrets";
  if (reason == "CrashLoopBackOff" || reason == "Error")
    return "crashes again and again; `kubectl logs --previous " + pod.name + "` tells why";
  return with("waits: " + reason, pod.waiting_message);
}

// The ring keeps the largest factor that a member asks for.
int64_t copies_in_force(const Facts& facts) {
  int64_t told = 0;
  for (const Member& member : facts.members) {
    if (const NodeReport* report = member.report()) told = std::max(told, report->replication_factor);
  }
  const int64_t factor = told > 0 ? told : facts.spec.replication_factor;
  return std::clamp<int64_t>(factor, 1, std::max<int64_t>(facts.held, 1));
}

void collect_members(Facts& facts) {
  for (int64_t ordinal = 0; ordinal < facts.held; ++ordinal)
    facts.members.push_back({ordinal, api::member(facts.world.cluster.name, ordinal)});
  for (const PodView& pod : facts.world.pods) {
    if (pod.ordinal < 0) continue;
    if (pod.ordinal < facts.held) {
      facts.members[static_cast<size_t>(pod.ordinal)].pod = &pod;
    } else {
      facts.leaving.push_back(&pod);
    }
  }
  for (const ClaimView& claim : facts.world.claims) {
    if (claim.ordinal >= 0 && claim.ordinal < facts.held) {
      facts.members[static_cast<size_t>(claim.ordinal)].claim = &claim;
    } else if (claim.ordinal >= facts.ordinals && claim.created_unix >= facts.world.cluster.created_unix) {
      facts.unused.push_back(&claim);
    }
  }
}

// Since when it has been said that this member has no pod: nothing else remembers.
int64_t missing_since(const Facts& facts, const std::string& member) {
  int64_t since = facts.now;
  const Json& waits = child(facts.world.cluster.status, "blockedBy");
  if (!waits.is_array()) return since;
  for (const Json& item : waits) {
    if (text_in(item, "rule") != name_of(Rule::member_missing) || text_in(item, "member") != member) continue;
    since = std::min(since, api::parse_time(text_in(item, "since")).value_or(facts.now));
  }
  return since;
}

}  // namespace

const Member* Facts::member(int64_t ordinal) const noexcept {
  return ordinal >= 0 && ordinal < held ? &members[static_cast<size_t>(ordinal)] : nullptr;
}

int64_t Facts::count_ready() const noexcept {
  return std::count_if(members.begin(), members.end(),
                       [](const Member& one) { return one.pod != nullptr && is_ready(*one.pod); });
}

Facts look(const World& world, int64_t now_unix) {
  Facts facts{world, world.cluster.spec, now_unix, remember(world.cluster.status)};
  facts.wanted = std::clamp<int64_t>(facts.spec.replicas, 1, 100);
  facts.held = world.statefulset ? std::clamp<int64_t>(world.statefulset->replicas, 0, 1000) : 0;
  facts.ordinals = std::max(facts.wanted, holders(facts));
  collect_members(facts);
  facts.copies = copies_in_force(facts);
  facts.tls_switch = std::any_of(world.pods.begin(), world.pods.end(),
                                 [&](const PodView& pod) { return pod.tls != facts.spec.tls.enabled; });
  return facts;
}

bool is_ready(const PodView& pod) noexcept {
  return pod.ready && !pod.terminating && (!pod.report || pod.report->state == "ready");
}

bool is_draining(const NodeReport* report) noexcept {
  return report != nullptr && (report->state == "draining" || report->state == "drained" || report->drained ||
                               report->drain_running);
}

bool is_dead(const PodView& pod) noexcept {
  return !pod.ready && !pod.report && !pod.terminating &&
         (!pod.scheduled || pod.failed || !pod.waiting_reason.empty());
}

// Between two crashes a container runs for a moment and waits for nothing.
bool has_stumbled(const PodView& pod) noexcept {
  const std::string& reason = pod.waiting_reason;
  const bool starts = reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing";
  return !pod.ready && (pod.restarts > 0 || !starts);
}

bool is_lost(const ClaimView& claim) noexcept {
  return claim.phase == "Lost";
}

bool has_lost_volume(const Member& member) noexcept {
  return member.claim != nullptr && (is_lost(*member.claim) || member.claim->terminating);
}

bool is_passing(const Facts& facts, const Member& member) noexcept {
  const PodView* pod = member.pod;
  if (pod == nullptr) return facts.now - missing_since(facts, member.name) < kStartingS;
  if (pod->terminating) return pod->deletion_unix == 0 || facts.now <= pod->deletion_unix;
  if (pod->report && pod->report->catch_up_running) return true;
  return facts.now - pod->created_unix < kStartingS && !has_stumbled(*pod);
}

std::string describe(const PodView& pod) {
  if (pod.terminating) return "is terminating";
  if (!pod.unschedulable.empty()) return "cannot be scheduled: " + pod.unschedulable;
  if (!pod.scheduled) return "waits to be scheduled";
  if (pod.failed) return "has failed";
  if (!pod.waiting_reason.empty()) return describe_waiting(pod);
  if (!pod.report) return with("does not answer", pod.probe_error);
  if (pod.report->state != "ready") return with("says it is " + pod.report->state, pod.report->reason);
  return pod.ready ? "is ready" : "is not ready yet";
}

}  // namespace ferro::oper::plan
