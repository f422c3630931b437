#include "operator/runtime/leader_election.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "common/obs/log.h"
#include "operator/k8s/json_text.h"
#include "operator/k8s/resources.h"
#include "operator/runtime/timestamp.h"

namespace ferro::oper::runtime {
namespace {

using k8s::Json;

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kTransitionsMax = INT32_MAX;  // the API's type

int64_t integer_at(const Json& object, std::initializer_list<std::string_view> path, int64_t otherwise) {
  const Json* at = k8s::find(object, path);
  return at != nullptr && at->is_number_integer() ? at->get<int64_t>() : otherwise;
}

std::string holder_of(const Json& lease) {
  return k8s::string_at(lease, {"spec", "holderIdentity"});
}

}  // namespace

LeaderElection::LeaderElection(k8s::Client& client, const Clock& clock, LeaderOptions options,
                               std::function<void(bool)> on_change)
    : client_(client), clock_(clock), options_(std::move(options)), on_change_(std::move(on_change)) {
  FERRO_ASSERT(!options_.identity.empty(), "an identity is what makes two processes differ");
  FERRO_ASSERT(options_.renew_deadline_ms < options_.lease_duration_ms &&
                   options_.retry_period_ms < options_.renew_deadline_ms,
               "a lease lasts longer than its renewal may take, and that longer than one try");
}

bool LeaderElection::still_leader() const {
  const int64_t renewed_ns = renewed_ns_;
  return renewed_ns != kNever && clock_.steady_ns() < renewed_ns + options_.renew_deadline_ms * kNsPerMs;
}

int64_t LeaderElection::write_allowance_ms() const {
  const int64_t renewed_ns = renewed_ns_;
  if (renewed_ns == kNever) return 0;
  const int64_t age_ms = (clock_.steady_ns() - renewed_ns) / kNsPerMs;
  if (age_ms >= options_.renew_deadline_ms) return 0;
  return options_.lease_duration_ms - options_.write_margin_ms - age_ms;
}

std::string LeaderElection::holder() const {
  const std::lock_guard lock(holder_mutex_);
  return holder_;
}

void LeaderElection::observe(const Json& lease, int64_t now_ns) {
  const Json* spec = k8s::find(lease, {"spec"});
  const Json record = spec == nullptr ? Json::object() : *spec;
  if (record != seen_ || seen_changed_ns_ == kNever) {
    seen_ = record;
    seen_changed_ns_ = now_ns;
  }
  const std::lock_guard lock(holder_mutex_);
  holder_ = holder_of(lease);
}

void LeaderElection::lose() {
  renewed_ns_ = kNever;
  if (!std::exchange(leads_, false)) return;
  lost_ = true;
  obs::log(obs::Level::error, "leadership is lost, nothing is written any more",
           {{"lease", options_.ns + "/" + options_.name}, {"holder", holder()}});
  if (on_change_) on_change_(false);
}

LeaderElection::Attempt LeaderElection::write(Json lease, bool taking, int64_t now_ns) {
  const std::string now = micro_time(clock_.wall_ms());
  Json& spec = lease["spec"];
  if (!spec.is_object()) spec = Json::object();
  if (taking) {
    spec["holderIdentity"] = options_.identity;
    spec["acquireTime"] = now;
    const int64_t transitions = integer_at(lease, {"spec", "leaseTransitions"}, 0);
    spec["leaseTransitions"] = std::clamp<int64_t>(transitions, 0, kTransitionsMax - 1) + 1;
  }
  spec["leaseDurationSeconds"] = options_.lease_duration_ms / 1000;
  spec["renewTime"] = now;
  const k8s::ApiResult<Json> written = client_.replace(k8s::kLeases, lease);
  if (!written.ok()) {
    if (written.error().kind == k8s::ErrorKind::conflict) return Attempt::other;
    log_failure("renew", written.error());
    return Attempt::failed;
  }
  observe(written.value(), now_ns);
  renewed_ns_ = now_ns;
  return Attempt::held;
}

LeaderElection::Attempt LeaderElection::take_absent(int64_t now_ns) {
  const std::string now = micro_time(clock_.wall_ms());
  const Json lease = {{"apiVersion", "coordination.k8s.io/v1"},
                      {"kind", "Lease"},
                      {"metadata", {{"name", options_.name}, {"namespace", options_.ns}}},
                      {"spec",
                       {{"holderIdentity", options_.identity},
                        {"leaseDurationSeconds", options_.lease_duration_ms / 1000},
                        {"acquireTime", now},
                        {"renewTime", now},
                        {"leaseTransitions", 0}}}};
  const k8s::ApiResult<Json> made = client_.create(k8s::kLeases, options_.ns, lease);
  if (!made.ok()) {
    if (made.error().kind == k8s::ErrorKind::already_exists) return Attempt::other;
    log_failure("create", made.error());
    return Attempt::failed;
  }
  observe(made.value(), now_ns);
  renewed_ns_ = now_ns;
  return Attempt::held;
}

void LeaderElection::log_failure(std::string_view what, const k8s::ApiError& error) const {
  obs::log(obs::Level::warn, std::string("cannot ").append(what).append(" the lease"),
           {{"lease", options_.ns + "/" + options_.name}, {"error", error.to_status().to_string()}});
}

LeaderElection::Attempt LeaderElection::attempt() {
  // Before the request is sent: the others count from when they see the record change, which is later.
  const int64_t now_ns = clock_.steady_ns();
  k8s::ApiResult<Json> read = client_.get(k8s::kLeases, options_.ns, options_.name);
  if (!read.ok()) {
    if (read.error().kind == k8s::ErrorKind::not_found) return take_absent(now_ns);
    log_failure("read", read.error());
    return Attempt::failed;
  }
  Json lease = std::move(read).value();
  observe(lease, clock_.steady_ns());
  const std::string holder = holder_of(lease);
  if (holder == options_.identity) {
    // Ours from before: renewed if we lead; else an earlier life of this identity, taken anew.
    return write(std::move(lease), !leads_, now_ns);
  }
  if (leads_) return Attempt::other;
  // Bounded before it is multiplied: a duration that overflows would be none, and the lease free to take.
  const int64_t lasts_ms = std::clamp<int64_t>(integer_at(lease, {"spec", "leaseDurationSeconds"}, 0), 0,
                                               kForeignLeaseMaxMs / 1000) *
                           1000;
  const bool expired = holder.empty() || clock_.steady_ns() >= seen_changed_ns_ + lasts_ms * kNsPerMs;
  return expired ? write(std::move(lease), true, now_ns) : Attempt::other;
}

int64_t LeaderElection::step() {
  if (lost_ || released_) return -1;
  const Attempt result = attempt();
  if (leads_) {
    // Somebody else holds it, or it could not be renewed for too long.
    if ((result == Attempt::other && holder() != options_.identity) || !still_leader()) {
      lose();
      return -1;
    }
    return options_.retry_period_ms;
  }
  if (result == Attempt::held && still_leader()) {
    leads_ = true;
    obs::info("leadership is won", {{"lease", options_.ns + "/" + options_.name}, {"as", options_.identity}});
    if (on_change_) on_change_(true);
  }
  return options_.retry_period_ms;
}

void LeaderElection::release() {
  if (std::exchange(released_, true)) return;
  const bool led = still_leader();
  renewed_ns_ = kNever;
  const bool told = std::exchange(leads_, false);
  if (told) lost_ = true;
  if (led) free_lease();
  if (told && on_change_) on_change_(false);
}

void LeaderElection::free_lease() {
  k8s::ApiResult<Json> read = client_.get(k8s::kLeases, options_.ns, options_.name);
  if (!read.ok()) return log_failure("release", read.error());
  if (holder_of(read.value()) != options_.identity) return;
  Json lease = std::move(read).value();
  // As client-go: no holder, and a second of duration, so that one that does not look at the holder waits no
  // longer either.
  lease["spec"]["holderIdentity"] = "";
  lease["spec"]["leaseDurationSeconds"] = 1;
  lease["spec"]["renewTime"] = micro_time(clock_.wall_ms());
  const k8s::ApiResult<Json> written = client_.replace(k8s::kLeases, lease);
  if (!written.ok()) return log_failure("release", written.error());
  obs::info("leadership is given up", {{"lease", options_.ns + "/" + options_.name}});
}

}  // namespace ferro::oper::runtime
