// What people and machines are told. Nothing here changes with time alone: what did would be written on every
// pass.
#include <algorithm>
#include <limits>
#include <string>

#include "operator/api/names.h"
#include "operator/plan/conditions.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

// Two significant digits: a cache's figures move all the time, and status is not a metric.
int64_t coarse(int64_t value) {
  int64_t unit = 1;
  while (value / unit >= 100) unit *= 10;
  return value / unit * unit;
}

std::string state_of(const PodView& pod) {
  if (pod.terminating) return "terminating";
  if (pod.report) return pod.report->state;
  if (!pod.scheduled) return "pending";
  if (pod.failed) return "failed";
  if (!pod.waiting_reason.empty() || !pod.ready) return "starting";
  return "unreachable";
}

api::Member member_of(const PodView& pod) {
  api::Member member;
  member.name = pod.name;
  member.state = state_of(pod);
  member.ready = is_ready(pod);
  if (!pod.report) return member;
  const NodeReport& report = *pod.report;
  member.certificate_fingerprint = report.certificate_fingerprint;
  member.certificate_not_after_unix = report.certificate_not_after_unix;
  member.trusted_fingerprints = report.trusted_fingerprints;
  std::sort(member.trusted_fingerprints.begin(), member.trusted_fingerprints.end());
  member.token_generation = report.token_generation;
  member.entries = coarse(report.entries);
  member.snapshot_unix = report.snapshot_unix;
  member.version = report.version;
  return member;
}

void add_members(const Facts& facts, api::ClusterStatus& status) {
  for (const PodView& pod : facts.world.pods) {
    status.members.push_back(member_of(pod));
    ++status.replicas;
    if (is_ready(pod)) ++status.ready_replicas;
    if (pod.report)
      status.last_compaction_unix = std::max(status.last_compaction_unix, pod.report->snapshot_unix);
  }
}

// Rolls go from the highest ordinal down: the version of the lowest is the one that all have at least.
std::string version_of(const Facts& facts) {
  for (const PodView& pod : facts.world.pods) {
    if (pod.report && !pod.report->version.empty()) return pod.report->version;
  }
  return facts.remembered.version.empty() ? facts.world.default_image_version : facts.remembered.version;
}

std::string tls_phase_of(const Facts& facts) {
  const PkiView& pki = facts.world.pki;
  if (!facts.spec.tls.enabled) return "Disabled";
  if (!pki.current) return "Pending";
  if (pki.next) return "PublishingTrust";
  if (!pki.previous) return "Stable";
  const bool issued = std::all_of(pki.leaves.begin(), pki.leaves.end(), [&](const auto& leaf) {
    return leaf.first >= facts.ordinals || leaf.second.issuer_fingerprint == pki.current->fingerprint;
  });
  return issued ? "DroppingOld" : "IssuingLeaves";
}

void add_credentials(const Facts& facts, api::ClusterStatus& status) {
  const World& world = facts.world;
  status.tls_phase = tls_phase_of(facts);
  if (facts.spec.tls.enabled && world.pki.current) {
    status.ca_generation = world.pki.current->generation;
    status.ca_not_after_unix = world.pki.current->not_after_unix;
    for (const auto& [ordinal, leaf] : world.pki.leaves) {
      if (ordinal >= facts.ordinals) continue;
      const int64_t earliest = status.cert_not_after_unix;
      status.cert_not_after_unix =
          earliest == 0 ? leaf.not_after_unix : std::min(earliest, leaf.not_after_unix);
    }
  } else {
    status.ca_generation = facts.remembered.ca_generation;
  }
  status.auth_generation = facts.remembered.token_generation;
  if (!facts.spec.auth.enabled || !world.tokens.exists || world.tokens.external) return;
  status.auth_generation = std::max(status.auth_generation, world.tokens.current_generation);
  status.auth_previous_accepted = world.tokens.previous_generation.has_value();
}

int64_t ring_members_of(const Facts& facts) {
  return facts.held > 0 ? facts.held : facts.remembered.ring_members;
}

}  // namespace

api::ClusterStatus make_status(const Facts& facts, const Draft& draft) {
  const World& world = facts.world;
  api::ClusterStatus status;
  status.observed_generation = world.cluster.generation;
  add_members(facts, status);
  status.selector = std::string(api::kLabelName) + "=" + std::string(api::kNameValue) + "," +
                    std::string(api::kLabelInstance) + "=" + world.cluster.name;
  status.version = version_of(facts);
  status.endpoint = std::string(facts.spec.tls.client_tls ? "https" : "http") + "://" + world.cluster.name +
                    "." + world.cluster.ns + ".svc:" + std::to_string(api::kHttpPort);
  add_credentials(facts, status);
  const CompactionRequest request = compaction_request(facts);
  status.compact_generation = request.generation;
  status.compactions_pending = request.pending;
  status.ring_members = ring_members_of(facts);
  status.conditions = make_conditions(facts, draft);
  status.phase = phase_of(facts, draft, status.conditions);
  return status;
}

}  // namespace ferro::oper::plan
