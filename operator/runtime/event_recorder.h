// Tells people what the operator did or why it waits: events.k8s.io/v1, once per transition.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/time/clock.h"
#include "operator/k8s/client.h"

namespace ferro::oper::runtime {

// What an event is about.
struct Regarding {
  std::string api_version{};
  std::string kind{};
  std::string ns{};
  std::string name{};
  std::string uid{};
  std::string resource_version{};
};
Regarding regarding(const k8s::Json& object);

struct EventFacts {
  bool warning = false;
  std::string reason{};  // one CamelCase word
  std::string action{};  // what was done or tried, one CamelCase word; empty = the reason
  std::string note{};    // a sentence; cut at 1,024 bytes, as the API demands
};

struct EventRecorderOptions {
  std::string controller = "cache.ferrocache.io/operator";
  // Of this process, as LeaderOptions::identity. The API refuses an event without it.
  std::string instance{};
  // The same event again is told only after it was not recorded for this long: what a controller says on
  // every pass is told once.
  int64_t quiet_ms = 300'000;
  size_t remembered_max = 4096;  // events that are known as told; the longest unseen is forgotten first
  size_t queue_max = 512;        // beyond it the oldest is dropped and counted
  // Of one object: a storm of transitions must not become a storm of writes.
  double burst_per_object = 25;
  double per_object_per_second = 1.0 / 60;
  int attempts_max = 3;
};

// `record` from any thread, never blocks; `step` from one thread sends. An event that cannot be sent is
// dropped after a few attempts: events are news, not state.
class EventRecorder {
 public:
  EventRecorder(k8s::Client& client, const Clock& clock, EventRecorderOptions options = {});

  // False if it was told already or there is no room.
  bool record(const Regarding& about, const EventFacts& facts);
  // The object is gone: what was told about it may be told of the next of its name.
  void forget(std::string_view uid);
  // Sends what waits. Answers milliseconds until the next step; negative = until something is recorded.
  int64_t step();
  // Called after record(), without a lock: wake the thread that steps.
  void on_recorded(std::function<void()> wake) { wake_ = std::move(wake); }

  size_t waiting() const;
  uint64_t sent() const;
  uint64_t dropped() const;

 private:
  struct Waiting {
    k8s::Json event;
    int attempts = 0;
  };
  struct Told {
    std::string key, uid;
    int64_t seen_ns = 0;
  };
  struct Budget {
    double tokens = 0;
    int64_t refilled_ns = 0;
  };
  enum class Sent : uint8_t { yes, later, never };

  bool remember(const std::string& key, const std::string& uid, int64_t now_ns);  // mutex_ held
  bool within_budget(const std::string& uid, int64_t now_ns);                     // mutex_ held
  k8s::Json event_of(const Regarding& about, const EventFacts& facts) const;
  Sent send(const k8s::Json& event);
  bool count_again(const k8s::Json& event);

  k8s::Client& client_;
  const Clock& clock_;
  const EventRecorderOptions options_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::deque<Waiting> queue_;
  std::list<Told> told_;  // least recently seen first
  std::unordered_map<std::string, std::list<Told>::iterator> told_by_key_;
  std::unordered_map<std::string, Budget> budgets_;  // by uid; goes with what was told
  uint64_t sent_ = 0, dropped_ = 0;
};

}  // namespace ferro::oper::runtime
