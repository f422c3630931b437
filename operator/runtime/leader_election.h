// Who acts, by a coordination.k8s.io/v1 Lease, as client-go's leader election does it: only our own clock
// and when we saw the record change count, never the times that another process wrote.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "common/time/clock.h"
#include "operator/k8s/client.h"
#include "operator/k8s/gated_transport.h"

namespace ferro::oper::runtime {

struct LeaderOptions {
  std::string ns{};
  std::string name = "ferrocache-operator";
  std::string identity{};  // of this process: unique, e.g. pod name and a random part
  int64_t lease_duration_ms = 15'000;
  int64_t renew_deadline_ms = 10'000;  // not renewed for this long: no longer leader
  int64_t retry_period_ms = 2'000;
  int64_t write_margin_ms = 1'000;  // a write must be over this long before the lease could go to another
};

// `step` and `release` from one thread; the rest from any. Owned by main; outlives the gated transport. The
// client must stand on the transport below the gate and have a time-out well under `renew_deadline_ms`.
//
// Once lost, leadership is not taken again by this object: losing it ends the process.
class LeaderElection final : public k8s::WriteGate {
 public:
  // on_change(true) when it is won, on_change(false) when it is lost or given up; on the stepping thread.
  LeaderElection(k8s::Client& client, const Clock& clock, LeaderOptions options,
                 std::function<void(bool leads)> on_change = {});

  // Tries to take or to renew. Answers milliseconds until the next step.
  int64_t step();
  // On a stop: no write passes from here on, and the Lease is freed so that another takes it at once.
  void release();

  // False from the very moment that the last renewal is too old, whether or not a step has noticed.
  bool still_leader() const;
  int64_t write_allowance_ms() const override;
  bool lost() const { return lost_.load(); }
  // Who holds it, as last seen; for people.
  std::string holder() const;

 private:
  // other: somebody else holds it, or wrote it between our reading and our writing.
  enum class Attempt : uint8_t { held, other, failed };
  static constexpr int64_t kNever = INT64_MIN;
  // What a stranger may write into the record must not keep us waiting for ever.
  static constexpr int64_t kForeignLeaseMaxMs = 3'600'000;

  Attempt attempt();
  Attempt take_absent(int64_t now_ns);
  Attempt write(k8s::Json lease, bool taking, int64_t now_ns);
  void observe(const k8s::Json& lease, int64_t now_ns);
  void lose();
  void free_lease();
  void log_failure(std::string_view what, const k8s::ApiError& error) const;

  k8s::Client& client_;
  const Clock& clock_;
  const LeaderOptions options_;
  const std::function<void(bool)> on_change_;
  // Steady time at which the request of the last good renewal was sent; kNever = does not lead.
  std::atomic<int64_t> renewed_ns_{kNever};
  std::atomic<bool> lost_{false};
  bool leads_ = false;  // what on_change was told
  bool released_ = false;
  k8s::Json seen_;                    // the record as last seen
  int64_t seen_changed_ns_ = kNever;  // and when it was first seen so
  mutable std::mutex holder_mutex_;
  std::string holder_;
};

}  // namespace ferro::oper::runtime
