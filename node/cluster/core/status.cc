// The picture of the cluster that operators see: gathered on the loop, read from any thread.
#include <algorithm>
#include <charconv>
#include <utility>

#include "node/cluster/core/cluster_node_impl.h"
#include "node/cluster/core/member_keys.h"

namespace ferro::node::cluster {

namespace {

// A member of the ring of whom gossip says nothing is shown as dead after so long: one that starts has not
// heard of everybody yet.
constexpr int64_t kUnheardOfMs = 10'000;
constexpr size_t kNamesShown = 4;  // namespaces of one hash: mostly one

std::string_view health_of(const Member& member) {
  switch (member.liveness) {
    case Liveness::alive:
      return "alive";
    case Liveness::suspected:
      return "suspected";
    case Liveness::dead:
      break;
  }
  return "dead";
}

template <typename T>
T number(std::string_view text) {
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Credentials credentials_of(const Member& member) {
  Credentials credentials;
  credentials.certificate_fingerprint = member.value(kCertificateKey);
  credentials.certificate_not_after_unix = number<int64_t>(member.value(kCertificateEndKey));
  credentials.token_generation = number<uint64_t>(member.value(kTokenGenerationKey));
  std::string_view trust = member.value(kTrustKey);
  while (!trust.empty()) {
    const size_t comma = trust.find(',');
    credentials.trusted_fingerprints.emplace_back(trust.substr(0, comma));
    trust.remove_prefix(comma == std::string_view::npos ? trust.size() : comma + 1);
  }
  return credentials;
}

std::string state_name(const Member& member) {
  if (member.left) return "left";
  const auto state = state_of(member);
  return std::string(to_string(state ? state->state : NodeState::joining));
}

ClusterStatus::Transfer transfer_of(const SyncFigures::Job& job, const Moved& moved) {
  return {job.running, job.partitions_done, job.partitions_total, moved.operations, moved.bytes};
}

}  // namespace

ClusterStatus ClusterNodeImpl::make_status() const {
  ClusterStatus status;
  status.state = stepped_aside_ ? "leaving" : std::string(to_string(ring_.state()));
  status.reason = stepped_aside_ ? reason_to_go() : ring_.reason();
  status.gossip_address = to_string(context_.options.advertised);
  status.ring = ring_.current();
  status.ring_epoch = ring_.epoch();
  status.ring_members = ring_.current()->members().size();
  status.ring_fingerprint = ring_.current()->fingerprint();
  status.target_fingerprint = ring_.target()->fingerprint();
  status.ring_changing = ring_.changing();
  status.ring_full = ring_.full();
  add_members(status);
  add_partitions(status);
  add_progress(status);
  add_splits(status);
  return status;
}

std::string ClusterNodeImpl::reason_to_go() const {
  const std::string& waits_for = departure_->progress().waits_for;
  return "the node is leaving its cluster" + (waits_for.empty() ? "" : ": it waits for " + waits_for);
}

void ClusterNodeImpl::add_members(ClusterStatus& status) const {
  std::map<NodeId, PeerFigures> links;
  for (PeerFigures& link : context_.peers->figures()) links.emplace(link.node, std::move(link));
  for (const Member& member : membership_.members()) {
    const bool dead = member.liveness == Liveness::dead || member.left;
    if (member.id == context_.options.self || !dead) {
      status.nodes.push_back(member.id);
    } else if (!member.left) {
      status.dead_nodes.push_back(member.id);
    }
    if (member.id == context_.options.self) continue;
    PeerStatus peer;
    peer.node = member.id;
    peer.api_address = member.value(kApiAddressKey);
    peer.gossip_address = member.value(kGossipAddressKey);
    peer.software = member.value(kSoftwareKey);
    peer.state = state_name(member);
    peer.health = health_of(member);
    peer.phi = member.phi;
    peer.reachable = context_.peers->available(member.id);
    peer.protocol_version = context_.peers->version_of(member.id);
    peer.hint_bytes = replicator_.hints().bytes_of(member.id);
    peer.clock_ahead_ms = context_.clocks.ahead_of_ms(member.id);
    peer.credentials = credentials_of(member);
    if (const auto link = links.find(member.id); link != links.end()) {
      peer.waiting_bytes = link->second.waiting_bytes;
      peer.calls_in_flight = link->second.calls_in_flight;
      peer.calls_failed = link->second.calls_failed;
      peer.latency_ms = link->second.latency_ms;
    }
    status.peers.push_back(std::move(peer));
  }
  add_forgotten(status);
}

// Gossip forgets the dead after a time. Who still has a place in the ring must not be missing without a word.
void ClusterNodeImpl::add_forgotten(ClusterStatus& status) const {
  for (const NodeId& node : ring_.absent(now_ms(), kUnheardOfMs)) {
    if (membership_.find(node) != nullptr) continue;
    PeerStatus peer;
    peer.node = node;
    peer.state = "forgotten";
    peer.health = "dead";
    peer.reachable = false;
    peer.hint_bytes = replicator_.hints().bytes_of(node);
    status.peers.push_back(std::move(peer));
    status.dead_nodes.push_back(node);
  }
  std::sort(status.dead_nodes.begin(), status.dead_nodes.end());
  std::sort(status.peers.begin(), status.peers.end(),
            [](const PeerStatus& a, const PeerStatus& b) { return a.node < b.node; });
}

void ClusterNodeImpl::add_partitions(ClusterStatus& status) const {
  const auto routes = context_.routes.get();
  std::vector<bool> is_live_member;
  for (const RingMember& member : ring_.current()->members()) {
    const Member* const told = membership_.find(member.id);
    is_live_member.push_back(told != nullptr && is_live(*told));
  }
  const size_t wanted = std::min(context_.options.replication_factor, ring_.current()->members().size());
  const model::PartitionSet uncompared = syncer_->uncompared();
  for (size_t p = 0; p < model::kPartitions; ++p) {
    if (!routes->owned_here().test(p)) continue;
    const auto partition = static_cast<uint16_t>(p);
    PartitionHealth health;
    health.partition = partition;
    for (const uint16_t member : ring_.current()->owners(partition)) {
      if (is_live_member[member]) ++health.live_owners;
    }
    health.in_step = syncer_->in_step(partition);
    ++status.partitions_owned;
    if (health.live_owners < wanted) ++status.partitions_under_replicated;
    if (!health.in_step) ++status.partitions_out_of_step;
    health.compared = !uncompared.test(p);
    if (!health.compared) ++status.partitions_uncompared;
    status.partitions.push_back(health);
  }
}

void ClusterNodeImpl::add_progress(ClusterStatus& status) const {
  const SyncFigures sync = syncer_->figures();
  status.catch_up = transfer_of(sync.catch_up, sync.fetched);
  status.hand_over = transfer_of(sync.hand_over, sync.pushed);
  if (ring_.state() == NodeState::leaving || ring_.state() == NodeState::drained)
    status.drain = status.hand_over;
  status.drained = ring_.state() == NodeState::drained;
  status.departure = departure_->progress();
  status.repaired_entries = sync.fetched.changed + sync.pushed.changed;
  status.hints = replicator_.hints().count();
  status.hint_bytes = replicator_.hints().bytes();
  status.replication_lag_ms = replicator_.lag_ms();
  const CoreFigures& figures = context_.figures;
  status.hints_dropped = figures.hints_dropped;
  status.forwards = figures.forwards;
  status.replication_failures = figures.replication_failures;
  status.replication_retries = figures.replication_retries;
  status.read_repairs = figures.read_repairs;
  status.read_repair_failures = figures.read_repair_failures;
  status.ring_changes = figures.ring_changes;
  status.hedged_lookups = figures.hedged_lookups;
  status.gossip_bytes_sent = figures.gossip_bytes_sent;
  status.gossip_bytes_received = figures.gossip_bytes_received;
  status.clock_ahead_ms = context_.clocks.ahead_ms();
  status.refused_links = context_.peers->refusals();
}

void ClusterNodeImpl::add_splits(ClusterStatus& status) const {
  const store::Store& store = context_.engine.store();
  for (const model::Split& split : ring_.current()->splits()->splits()) {
    ClusterStatus::Split shown{split.ns, split.degree, {}};
    for (const auto& summary :
         store.namespaces_in({model::home_of(split.ns), nullptr, split.ns}, kNamesShown)) {
      shown.namespaces.push_back(summary.ns);
    }
    status.splits.push_back(std::move(shown));
  }
  status.splits_wanted = splitter_.wanted().splits().size();
  if (context_.options.split_entries != 0 || context_.options.split_bytes != 0) {
    status.splits_held_by = ring_.not_splitting();
  }
}

void ClusterNodeImpl::publish_status() {
  ClusterStatus status = make_status();
  const bool ready = !stepped_aside_ && ring_.state() == NodeState::ready;
  Status readiness =
      ready ? Status()
            : Status::unavailable(status.reason.empty() ? "the node is " + status.state : status.reason);
  std::lock_guard lock(status_mutex_);
  status_ = std::move(status);
  readiness_ = std::move(readiness);
}

ClusterStatus ClusterNodeImpl::status() const {
  std::lock_guard lock(status_mutex_);
  return status_;
}

}  // namespace ferro::node::cluster
