// Keeps a store equal to what the API server has of one kind (in one namespace or in all): list, then watch
// from there, for ever.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"
#include "operator/k8s/client.h"
#include "operator/runtime/backoff.h"
#include "operator/runtime/store.h"

namespace ferro::oper::runtime {

struct ReflectorOptions {
  k8s::ListOptions list{};
  BackoffOptions backoff{};         // after a failure
  int64_t good_after_ms = 120'000;  // a watch that held this long forgets earlier failures
  // A watch that ends sooner and without an event is a failure too: a broken proxy must not become a loop.
  int64_t short_watch_ms = 1'000;
  uint64_t seed = 0;
};

// For metrics; counted since the start.
struct ReflectorFigures {
  uint64_t lists = 0;
  uint64_t watches = 0;
  uint64_t gone = 0;            // resource version too old: listed anew
  uint64_t failures = 0;        // of lists and watches
  int64_t last_contact_ms = 0;  // wall clock of the last list, event, bookmark or orderly end; 0 = none
};

// The state machine: Empty -> (list) -> Listed -> (watch)*. 410, an event that could not be read (when its
// watch has ended) or five failures in a row lead back to Empty; an orderly end or a silence goes on at the
// last resource version; any other error backs off and keeps it.
//
// `step` from one thread at a time; the rest from any. Owned by main. The client and the store outlive it.
class Reflector {
 public:
  // Runs on the stepping thread, no lock held, after the store has the change. Exceptions are a bug of the
  // handler: one object that nobody can read is the handler's to report and never ends the watch.
  using OnChange = std::function<void(const Change&)>;

  Reflector(k8s::Client& client, const Clock& clock, const k8s::Resource& resource, Store& store,
            OnChange on_change, ReflectorOptions options = {});

  // One list if it has none, then one watch until that ends (minutes, as a rule). Answers how many
  // milliseconds to wait before the next step. With a transport that ends a watch when nothing is left to
  // tell, as the in-process fake does, a step brings the store up to date and returns.
  int64_t step();

  ReflectorFigures figures() const;
  const k8s::Resource& resource() const noexcept { return resource_; }

 private:
  static constexpr int64_t kStopping = -1;  // a step's answer: nothing more to do
  static constexpr int kQuietFailures = 3;  // in a row, before they are logged as errors
  static constexpr int kWatchFailuresBeforeList = 5;

  // Milliseconds to wait; 0 = go on.
  int64_t list();
  int64_t watch();
  void take(k8s::WatchEvent&& event);
  int64_t watch_failed(const k8s::ApiError& error);
  int64_t failed(const k8s::ApiError& error, std::string_view what);
  void deliver(const std::vector<Change>& changes);
  void touch();

  k8s::Client& client_;
  const Clock& clock_;
  const k8s::Resource resource_;
  Store& store_;
  const OnChange on_change_;
  const ReflectorOptions options_;
  Backoff backoff_;
  std::string resource_version_;  // empty = list first
  bool list_again_ = false;       // an event could not be read
  uint64_t events_ = 0;           // of the watch under way
  int watch_failures_ = 0, gone_in_row_ = 0;
  std::atomic<uint64_t> lists_{0}, watches_{0}, gone_{0}, failures_{0};
  std::atomic<int64_t> last_contact_ms_{0};
};

}  // namespace ferro::oper::runtime
