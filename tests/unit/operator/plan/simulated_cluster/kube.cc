// Hosts, kubelets and the StatefulSet controller of the simulated cluster.
#include <algorithm>
#include <utility>

#include "tests/unit/operator/plan/simulated_cluster/simulated_cluster.h"

namespace ferro::oper::plan::sim {

std::string Template::hash() const {
  return "image-" + std::to_string(image) + (tls ? "-tls" : "-plain") + (auth ? "-auth" : "-open") +
         "-factor-" + std::to_string(factor);
}

Fate fate_of(int64_t image) {
  switch (image % 10) {
    case 7:
      return Fate::cannot_pull;
    case 8:
      return Fate::crashes;
    case 9:
      return Fate::never_ready;
    default:
      return Fate::good;
  }
}

Mounted Secrets::mounted() const {
  Mounted all{trust, leaves, {}};
  if (tokens) all.tokens = tokens->accepted;
  return all;
}

SimulatedCluster::SimulatedCluster(uint64_t seed) : random_(seed) {
  newest_.fill(0);
}

Template template_of(const api::ClusterSpec& spec) {
  const int64_t factor = spec.replicas == 1 ? 1 : std::min(spec.replication_factor, spec.replicas);
  return {std::stoll(spec.image.image), spec.tls.enabled, spec.auth.enabled, factor};
}

void SimulatedCluster::step() {
  now_ += kStepS;
  step_hosts();
  step_stateful_set();
  step_pods();
  step_claims();
  step_kubelets();
  step_links();
  step_ring();
  step_states();
  step_writes();
}

void SimulatedCluster::step_hosts() {
  for (auto& [ordinal, pod] : objects_.pods) {
    const Host& host = hosts_[pod.host];
    if (host.lost_until > now_ && pod.started) stop_node(pod);
    if (host.lost_until > now_ || host.cut_until > now_) pod.out_of_sync = true;
  }
}

void SimulatedCluster::step_stateful_set() {
  auto& set = objects_.set;
  if (!set) return;
  if (set->observed < set->generation && !chance(0.7)) return;
  for (auto& [ordinal, pod] : objects_.pods) {
    if (ordinal >= set->replicas && pod.deletion == 0) kill_pod(ordinal);
  }
  for (int64_t ordinal = 0; ordinal < set->replicas; ++ordinal) {
    auto claim = objects_.claims.find(ordinal);
    const auto found = objects_.pods.find(ordinal);
    if (claim == objects_.claims.end() && (found == objects_.pods.end() || !found->second.started)) {
      Claim made;
      made.uid = "claim-" + std::to_string(next_uid_++);
      made.created = now_;
      made.bytes = set->claim_bytes;
      objects_.claims[ordinal] = made;
      volumes_[ordinal] = Volume{};
      volumes_[ordinal].copies.fill(-1);
    }
    if (found != objects_.pods.end()) continue;
    Pod pod;
    pod.ordinal = ordinal;
    pod.uid = "pod-" + std::to_string(next_uid_++);
    pod.host = ordinal;
    pod.made_from = set->pod_template;
    pod.created = pod.not_ready_since = now_;
    pod.start_at = now_ + kStepS * pick(1, 4);
    objects_.pods[ordinal] = pod;
  }
  set->observed = set->generation;
  set->pods_made = set->replicas;
}

void SimulatedCluster::step_pods() {
  std::vector<int64_t> gone;
  for (auto& [ordinal, pod] : objects_.pods) {
    const Host& host = hosts_[pod.host];
    const bool reachable = host.lost_until <= now_ && host.cut_until <= now_;
    if (!reachable) continue;
    if (pod.deletion != 0 && now_ >= pod.gone_at) {
      if (takes_part(pod)) hand_over(pod);
      stop_node(pod);
      gone.push_back(ordinal);
      continue;
    }
    if (pod.deletion != 0 || pod.started || now_ < pod.start_at) continue;
    const auto claim = objects_.claims.find(ordinal);
    const bool mounts = claim != objects_.claims.end() && !claim->second.lost && !claim->second.terminating;
    const auto& secrets = objects_.secrets;
    const bool has_secrets = (!pod.made_from.tls || secrets.leaves.count(ordinal) > 0) &&
                             (!pod.made_from.auth || secrets.tokens.has_value());
    if (!mounts || !has_secrets || fate_of(pod.made_from.image) == Fate::cannot_pull) continue;
    if (fate_of(pod.made_from.image) == Fate::crashes) continue;
    start_node(pod);
  }
  for (const int64_t ordinal : gone) objects_.pods.erase(ordinal);
}

void SimulatedCluster::step_claims() {
  std::vector<int64_t> gone;
  for (auto& [ordinal, claim] : objects_.claims) {
    if (claim.terminating && objects_.pods.count(ordinal) == 0) gone.push_back(ordinal);
    if (claim.resize_pending_since != 0 && now_ - claim.resize_pending_since > 20 && ordinal % 2 == 0)
      claim.resize_pending_since = 0;  // this driver grows under a running pod
  }
  for (const int64_t ordinal : gone) {
    objects_.claims.erase(ordinal);
    volumes_.erase(ordinal);
  }
}

void SimulatedCluster::tell_ready(Pod& pod, bool ready) {
  if (pod.kubelet_says_ready && !ready) pod.not_ready_since = now_;
  pod.kubelet_says_ready = ready;
}

void SimulatedCluster::step_kubelets() {
  for (auto& [ordinal, pod] : objects_.pods) {
    const Host& host = hosts_[pod.host];
    if (host.lost_until > now_ || host.cut_until > now_) {
      if (chance(0.15)) tell_ready(pod, false);  // the node controller's word
      continue;
    }
    const Mounted before = pod.volume;
    if (!pod.started || pod.out_of_sync || chance(0.25)) pod.volume = objects_.secrets.mounted();
    // The node looks by itself.
    if (pod.started) {
      pod.loaded.trust = pod.volume.trust.empty() ? pod.loaded.trust : pod.volume.trust;
      pod.loaded.tokens = pod.volume.tokens.empty() ? pod.loaded.tokens : pod.volume.tokens;
      if (pod.volume.leaves.count(ordinal) > 0) pod.loaded.leaves[ordinal] = pod.volume.leaves.at(ordinal);
    }
    pod.out_of_sync = false;
    tell_ready(pod, pod.started && pod.ready && pod.deletion == 0);
    pod.kubelet_says_started = pod.started;
    auto claim = objects_.claims.find(ordinal);
    if (claim != objects_.claims.end() && claim->second.resize_pending_since != 0 &&
        claim->second.resize_pending_since < pod.created)
      claim->second.resize_pending_since = 0;
  }
}

void SimulatedCluster::kill_pod(int64_t ordinal) {
  const auto found = objects_.pods.find(ordinal);
  if (found == objects_.pods.end() || found->second.deletion != 0) return;
  found->second.deletion = now_ + 30;
  found->second.gone_at = now_ + kStepS * pick(1, 3);
}

void SimulatedCluster::crash_container(int64_t ordinal) {
  const auto found = objects_.pods.find(ordinal);
  if (found == objects_.pods.end() || !found->second.started) return;
  stop_node(found->second);
  found->second.start_at = now_ + kStepS * pick(1, 4);
}

void SimulatedCluster::lose_host(int64_t host, int64_t seconds) {
  hosts_[host].lost_until = now_ + seconds;
}

void SimulatedCluster::cut_host(int64_t host, int64_t seconds) {
  hosts_[host].cut_until = now_ + seconds;
}

void SimulatedCluster::lose_volume(int64_t ordinal) {
  const auto claim = objects_.claims.find(ordinal);
  if (claim == objects_.claims.end()) return;
  claim->second.lost = true;
  volumes_[ordinal].copies.fill(-1);
  crash_container(ordinal);
}

void SimulatedCluster::delete_claim_by_hand(int64_t ordinal) {
  const auto claim = objects_.claims.find(ordinal);
  if (claim != objects_.claims.end()) claim->second.terminating = true;
}

void SimulatedCluster::delete_set_by_hand() {
  objects_.set.reset();
}

void SimulatedCluster::heal() {
  for (auto& [number, host] : hosts_) host = Host{};
}

}  // namespace ferro::oper::plan::sim
