#include "operator/api/status.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/utf8.h"
#include "operator/api/units.h"

namespace ferro::oper::api {
namespace {

using Json = nlohmann::json;

// The elements of a list in an object that somebody else may have written: nothing for any other shape.
const Json& list_in(const Json& object, const char* name) {
  static const Json none = Json::array();
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : none;
}

std::string text_in(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t time_in(const Json& object, const char* name, int64_t otherwise) {
  return parse_time(text_in(object, name)).value_or(otherwise);
}

void put_text(Json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}

void put_time(Json& object, const char* name, int64_t unix) {
  if (unix != 0) object[name] = time_text(unix);
}

// The schema bounds texts and lists; one that is too long must not make the whole status be refused.
constexpr size_t kMessageBytesMax = 2048;
constexpr size_t kMembersMax = 100;
constexpr size_t kBlockersMax = 64;

// At most kMessageBytesMax bytes, cut between characters.
std::string bounded(const std::string& text) {
  if (text.size() <= kMessageBytesMax) return text;
  constexpr std::string_view kMore = "...";
  size_t end = 0;
  while (true) {
    const size_t next = utf8_length(std::string_view(text).substr(end));
    if (next == 0 || end + next > kMessageBytesMax - kMore.size()) break;
    end += next;
  }
  return text.substr(0, end).append(kMore);
}

Json condition_json(const Condition& condition) {
  Json json{{"type", condition.type},
            {"status", condition.status},
            {"reason", condition.reason},
            {"message", bounded(condition.message)},
            {"observedGeneration", condition.observed_generation}};
  // The schema demands it, as metav1.Condition does.
  json["lastTransitionTime"] = time_text(condition.last_transition_unix);
  return json;
}

Json member_json(const Member& member) {
  Json json{{"name", member.name},
            {"state", member.state},
            {"ready", member.ready},
            {"tokenGeneration", member.token_generation},
            {"entries", member.entries}};
  put_text(json, "certificateFingerprint", member.certificate_fingerprint);
  put_time(json, "certificateNotAfter", member.certificate_not_after_unix);
  if (!member.trusted_fingerprints.empty()) json["trustedFingerprints"] = member.trusted_fingerprints;
  put_time(json, "snapshotTime", member.snapshot_unix);
  put_text(json, "version", member.version);
  return json;
}

Json compaction_json(const ClusterStatus& status) {
  Json pending = Json::array();
  for (size_t i = 0; i < std::min(status.compactions_pending.size(), kMembersMax); ++i) {
    const PendingCompaction& one = status.compactions_pending[i];
    pending.push_back({{"member", one.member}, {"snapshotNumber", one.snapshot_number}});
  }
  return {{"generation", status.compact_generation}, {"pending", std::move(pending)}};
}

Json blocker_json(const Blocker& blocker) {
  Json json{{"action", blocker.action}, {"rule", blocker.rule}, {"message", bounded(blocker.message)}};
  put_text(json, "member", blocker.member);
  put_time(json, "since", blocker.since_unix);
  return json;
}

}  // namespace

void carry_transitions(const nlohmann::json& previous, int64_t now_unix, ClusterStatus& status) {
  for (Condition& condition : status.conditions) {
    condition.last_transition_unix = now_unix;
    for (const Json& before : list_in(previous, "conditions")) {
      if (text_in(before, "type") == condition.type && text_in(before, "status") == condition.status)
        condition.last_transition_unix = time_in(before, "lastTransitionTime", now_unix);
    }
  }
  for (Blocker& blocker : status.blocked_by) {
    blocker.since_unix = now_unix;
    for (const Json& before : list_in(previous, "blockedBy")) {
      if (text_in(before, "action") == blocker.action && text_in(before, "rule") == blocker.rule &&
          text_in(before, "member") == blocker.member)
        blocker.since_unix = time_in(before, "since", now_unix);
    }
  }
}

nlohmann::json to_json(const ClusterStatus& status) {
  Json json{{"observedGeneration", status.observed_generation},
            {"replicas", status.replicas},
            {"readyReplicas", status.ready_replicas},
            {"conditions", Json::array()},
            {"members", Json::array()},
            {"blockedBy", Json::array()}};
  put_text(json, "phase", status.phase);
  put_text(json, "selector", status.selector);
  put_text(json, "version", status.version);
  put_text(json, "endpoint", status.endpoint);
  for (const Condition& condition : status.conditions)
    json["conditions"].push_back(condition_json(condition));
  for (size_t i = 0; i < std::min(status.members.size(), kMembersMax); ++i)
    json["members"].push_back(member_json(status.members[i]));
  for (size_t i = 0; i < std::min(status.blocked_by.size(), kBlockersMax); ++i)
    json["blockedBy"].push_back(blocker_json(status.blocked_by[i]));
  Json tls{{"caGeneration", status.ca_generation}};
  put_text(tls, "phase", status.tls_phase);
  put_time(tls, "caNotAfter", status.ca_not_after_unix);
  put_time(tls, "certNotAfter", status.cert_not_after_unix);
  json["tls"] = std::move(tls);
  json["auth"] =
      Json{{"generation", status.auth_generation}, {"previousAccepted", status.auth_previous_accepted}};
  json["ringMembers"] = status.ring_members;
  json["compaction"] = compaction_json(status);
  put_time(json, "lastCompaction", status.last_compaction_unix);
  return json;
}

}  // namespace ferro::oper::api
