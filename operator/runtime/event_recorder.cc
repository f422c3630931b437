#include "operator/runtime/event_recorder.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/utf8.h"
#include "common/crypto/digest.h"
#include "common/obs/log.h"
#include "operator/k8s/json_text.h"
#include "operator/k8s/resources.h"
#include "operator/runtime/timestamp.h"

namespace ferro::oper::runtime {
namespace {

using k8s::Json;

constexpr int64_t kNsPerMs = 1'000'000;
// Bounds of events.k8s.io/v1 validation.
constexpr size_t kNoteBytesMax = 1024;
constexpr size_t kReasonBytesMax = 128;
constexpr size_t kNameBytesMax = 253;
constexpr size_t kHashBytes = 8;
constexpr int64_t kRetryMs = 1'000;

std::string cut(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = 0;
  while (true) {
    const size_t length = std::max<size_t>(1, utf8_length(text.substr(end)));
    if (end + length > bytes_max) return std::string(text.substr(0, end));
    end += length;
  }
}

std::string told_key(const Regarding& about, const EventFacts& facts) {
  std::string key = about.uid;
  key.append("\n").append(facts.warning ? "W" : "N").append("\n").append(facts.reason);
  return key.append("\n").append(facts.note);
}

}  // namespace

Regarding regarding(const Json& object) {
  return {.api_version = k8s::string_at(object, {"apiVersion"}),
          .kind = k8s::string_at(object, {"kind"}),
          .ns = k8s::string_at(object, {"metadata", "namespace"}),
          .name = k8s::string_at(object, {"metadata", "name"}),
          .uid = k8s::string_at(object, {"metadata", "uid"}),
          .resource_version = k8s::string_at(object, {"metadata", "resourceVersion"})};
}

EventRecorder::EventRecorder(k8s::Client& client, const Clock& clock, EventRecorderOptions options)
    : client_(client), clock_(clock), options_(std::move(options)) {}

bool EventRecorder::remember(const std::string& key, const std::string& uid, int64_t now_ns) {
  const auto known = told_by_key_.find(key);
  if (known == told_by_key_.end()) {
    told_.push_back({key, uid, now_ns});
    told_by_key_.emplace(key, std::prev(told_.end()));
    if (told_.size() > options_.remembered_max) {
      told_by_key_.erase(told_.front().key);
      told_.pop_front();
    }
    return true;
  }
  Told& told = *known->second;
  const bool fresh = now_ns - told.seen_ns >= options_.quiet_ms * kNsPerMs;
  told.seen_ns = now_ns;
  told_.splice(told_.end(), told_, known->second);
  return fresh;
}

bool EventRecorder::within_budget(const std::string& uid, int64_t now_ns) {
  if (budgets_.size() >= options_.remembered_max) {
    // Those that are full again are as good as new.
    std::erase_if(budgets_, [&](const auto& entry) {
      const double refilled = static_cast<double>(now_ns - entry.second.refilled_ns) / 1e9;
      return entry.second.tokens + refilled * options_.per_object_per_second >= options_.burst_per_object;
    });
    if (budgets_.size() >= options_.remembered_max) return false;
  }
  Budget& budget = budgets_.try_emplace(uid, Budget{options_.burst_per_object, now_ns}).first->second;
  budget.tokens =
      std::min(options_.burst_per_object, budget.tokens + static_cast<double>(now_ns - budget.refilled_ns) /
                                                              1e9 * options_.per_object_per_second);
  budget.refilled_ns = now_ns;
  if (budget.tokens < 1) return false;
  budget.tokens -= 1;
  return true;
}

// The name follows from what is told, so that a new life of the operator finds what the former one told.
Json EventRecorder::event_of(const Regarding& about, const EventFacts& facts) const {
  const std::string key = told_key(about, facts);
  const crypto::Sha256Digest digest = crypto::sha256(as_bytes(key));
  const std::string hash = crypto::to_hex(Bytes(digest).first(kHashBytes));
  const std::string name = cut(about.name, kNameBytesMax - hash.size() - 1) + "." + hash;
  const std::string ns = about.ns.empty() ? "default" : about.ns;
  Json reference = {
      {"apiVersion", about.api_version}, {"kind", about.kind}, {"name", about.name}, {"uid", about.uid}};
  if (!about.ns.empty()) reference["namespace"] = about.ns;
  if (!about.resource_version.empty()) reference["resourceVersion"] = about.resource_version;
  const std::string reason = cut(facts.reason, kReasonBytesMax);
  return {{"apiVersion", "events.k8s.io/v1"},
          {"kind", "Event"},
          {"metadata", {{"name", name}, {"namespace", ns}}},
          {"eventTime", micro_time(clock_.wall_ms())},
          {"reportingController", options_.controller},
          {"reportingInstance", cut(options_.instance, kReasonBytesMax)},
          {"action", facts.action.empty() ? reason : cut(facts.action, kReasonBytesMax)},
          {"reason", reason},
          {"type", facts.warning ? "Warning" : "Normal"},
          {"regarding", std::move(reference)},
          {"note", cut(facts.note, kNoteBytesMax)}};
}

bool EventRecorder::record(const Regarding& about, const EventFacts& facts) {
  const int64_t now_ns = clock_.steady_ns();
  {
    const std::lock_guard lock(mutex_);
    if (!remember(told_key(about, facts), about.uid, now_ns)) return false;
    if (!within_budget(about.uid, now_ns)) {
      ++dropped_;
      return false;
    }
    if (queue_.size() >= options_.queue_max) {
      queue_.pop_front();
      ++dropped_;
    }
    queue_.push_back({event_of(about, facts), 0});
  }
  if (wake_) wake_();
  return true;
}

void EventRecorder::forget(std::string_view uid) {
  const std::lock_guard lock(mutex_);
  for (auto told = told_.begin(); told != told_.end();) {
    if (told->uid == uid) {
      told_by_key_.erase(told->key);
      told = told_.erase(told);
    } else {
      ++told;
    }
  }
  budgets_.erase(std::string(uid));
}

// It is there already, told by an earlier life or long ago: once more of the same.
bool EventRecorder::count_again(const Json& event) {
  const std::string ns = k8s::string_at(event, {"metadata", "namespace"});
  const std::string name = k8s::string_at(event, {"metadata", "name"});
  const k8s::ApiResult<Json> old = client_.get(k8s::kEvents, ns, name);
  if (!old.ok()) return false;
  int64_t count = 1;
  const Json* counted = k8s::find(old.value(), {"series", "count"});
  if (counted != nullptr && counted->is_number_integer()) count = counted->get<int64_t>();
  const Json patch = {{"series",
                       {{"count", std::clamp<int64_t>(count, 1, INT32_MAX - 1) + 1},
                        {"lastObservedTime", micro_time(clock_.wall_ms())}}}};
  return client_.patch(k8s::kEvents, ns, name, patch).ok();
}

EventRecorder::Sent EventRecorder::send(const Json& event) {
  const std::string ns = k8s::string_at(event, {"metadata", "namespace"});
  const k8s::ApiResult<Json> made = client_.create(k8s::kEvents, ns, event);
  if (made.ok()) return Sent::yes;
  switch (made.error().kind) {
    case k8s::ErrorKind::already_exists:
      return count_again(event) ? Sent::yes : Sent::later;
    case k8s::ErrorKind::unreachable:
    case k8s::ErrorKind::too_many:
    case k8s::ErrorKind::server:
      return Sent::later;
    default:
      if (!made.error().terminating) {
        obs::warn("an event is refused", {{"reason", k8s::string_at(event, {"reason"})},
                                          {"error", made.error().to_status().to_string()}});
      }
      return Sent::never;
  }
}

int64_t EventRecorder::step() {
  Waiting waiting;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return -1;
    waiting = std::move(queue_.front());
    queue_.pop_front();
  }
  const Sent sent = send(waiting.event);
  const std::lock_guard lock(mutex_);
  if (sent == Sent::yes) {
    ++sent_;
  } else if (sent == Sent::later && ++waiting.attempts < options_.attempts_max &&
             queue_.size() < options_.queue_max) {
    queue_.push_front(std::move(waiting));
    return kRetryMs;
  } else {
    ++dropped_;
  }
  return queue_.empty() ? -1 : 0;
}

size_t EventRecorder::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

uint64_t EventRecorder::sent() const {
  const std::lock_guard lock(mutex_);
  return sent_;
}

uint64_t EventRecorder::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace ferro::oper::runtime
