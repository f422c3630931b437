#include "node/metrics/cluster_metrics.h"

#include <algorithm>
#include <cmath>

namespace ferro::node::metrics {
namespace {

using cluster::ClusterStatus;
using cluster::PeerStatus;
using prometheus::MetricType;

double value(uint64_t figure) {
  return static_cast<double>(figure);
}

void add_replication(const ClusterStatus& status, Families& out) {
  out.counter("ferrocache_replication_forwards_total", "Writes and other requests sent to other nodes.",
              status.forwards);
  out.counter("ferrocache_replication_failures_total", "Writes that did not reach another node.",
              status.replication_failures);
  out.counter("ferrocache_replication_retries_total", "Writes sent to another node again.",
              status.replication_retries);
  out.gauge("ferrocache_replication_lag_seconds",
            "Age of the oldest operation that a live owner has not confirmed.",
            static_cast<double>(status.replication_lag_ms) / 1000.0);
  out.gauge("ferrocache_hints", "Operations kept for nodes that are down.", value(status.hints));
  out.gauge("ferrocache_hint_bytes", "Their bytes.", value(status.hint_bytes));
  out.counter("ferrocache_hints_dropped_total", "Of them, given up: their bound or their age was reached.",
              status.hints_dropped);
  out.counter("ferrocache_read_repairs_total", "Copies corrected by a read.", status.read_repairs);
  out.counter("ferrocache_read_repair_failures_total", "Corrections by a read that failed.",
              status.read_repair_failures);
  out.counter("ferrocache_repaired_entries_total", "Operations that comparing copies has brought to a node.",
              status.repaired_entries);
  out.counter("ferrocache_hedged_lookups_total",
              "Queries asked of a second owner because the first was slow.", status.hedged_lookups);
  out.gauge("ferrocache_clock_ahead_seconds",
            "How far this node's clock is ahead of most other nodes'; negative if behind.",
            static_cast<double>(status.clock_ahead_ms) / 1000.0);
  uint64_t shards_most = 0;
  for (const ClusterStatus::Split& split : status.splits) {
    shards_most = std::max(shards_most, uint64_t{1} << split.degree);
  }
  out.gauge("ferrocache_split_namespaces", "Namespaces that are spread over several partitions.",
            value(status.splits.size()));
  out.gauge("ferrocache_split_partitions_max", "Most partitions that one namespace is spread over.",
            value(shards_most));
  out.gauge("ferrocache_splits_wanted", "Namespaces that this node wants to be spread further.",
            value(status.splits_wanted));
  out.gauge("ferrocache_partitions_owned", "Partitions that this node owns.", value(status.partitions_owned));
  out.gauge("ferrocache_partitions_under_replicated",
            "Of them, those with fewer live owners than there should be.",
            value(status.partitions_under_replicated));
  out.gauge("ferrocache_partitions_out_of_step", "Of them, those whose copies differed when last compared.",
            value(status.partitions_out_of_step));
  out.gauge("ferrocache_partitions_uncompared",
            "Of them, those not compared yet since the ring changed or somebody came back.",
            value(status.partitions_uncompared));
}

void add_members(const ClusterStatus& status, Families& out) {
  const auto count = [&](std::string_view health) {
    return static_cast<double>(std::count_if(status.peers.begin(), status.peers.end(),
                                             [&](const PeerStatus& peer) { return peer.health == health; }));
  };
  out.counter("ferrocache_ring_changes_total", "Changes of the members that own entries.",
              status.ring_changes);
  out.gauge("ferrocache_ring_epoch", "Number of the ring in force: equal on nodes that agree.",
            value(status.ring_epoch));
  out.gauge("ferrocache_cluster_nodes", "Members that are not dead, this one included.",
            value(status.nodes.size()));
  out.gauge("ferrocache_ring_members", "Members that own entries.", value(status.ring_members));
  out.gauge("ferrocache_peers_suspected", "Other members that are suspected to be dead.", count("suspected"));
  // One that said goodbye is not dead, whatever its silence: a planned stop is no loss.
  const auto dead = std::count_if(status.peers.begin(), status.peers.end(), [](const PeerStatus& peer) {
    return peer.health == "dead" && peer.state != "left";
  });
  out.gauge("ferrocache_peers_dead", "Other members that are dead, those that said goodbye not counted.",
            static_cast<double>(dead));
  out.counter("ferrocache_gossip_sent_bytes_total", "Bytes of gossip sent.", status.gossip_bytes_sent);
  out.counter("ferrocache_gossip_received_bytes_total", "Bytes of gossip received.",
              status.gossip_bytes_received);
}

void add_transfers(const ClusterStatus& status, Families& out) {
  const std::pair<const char*, const ClusterStatus::Transfer*> kinds[] = {
      {"catch_up", &status.catch_up}, {"hand_over", &status.hand_over}, {"drain", &status.drain}};
  struct Figure {
    const char* name;
    const char* help;
    uint64_t ClusterStatus::Transfer::*figure;
  };
  static constexpr Figure kFigures[] = {
      {"ferrocache_transfer_partitions", "Partitions that the latest one concerns.",
       &ClusterStatus::Transfer::partitions_total},
      {"ferrocache_transfer_partitions_done", "Of them, those that are through.",
       &ClusterStatus::Transfer::partitions_done},
      {"ferrocache_transfer_entries", "Entries that it has moved.", &ClusterStatus::Transfer::entries_moved},
      {"ferrocache_transfer_bytes", "Bytes that it has moved.", &ClusterStatus::Transfer::bytes_moved}};
  auto& running =
      out.family("ferrocache_transfer_running",
                 "1 while entries are on their way because the members change.", MetricType::Gauge);
  for (const auto& [kind, transfer] : kinds)
    Families::add(running, transfer->running ? 1 : 0, {{"kind", kind}});
  for (const Figure& each : kFigures) {
    auto& family = out.family(each.name, each.help, MetricType::Gauge);
    for (const auto& [kind, transfer] : kinds) {
      Families::add(family, value(transfer->*each.figure), {{"kind", kind}});
    }
  }
}

template <typename Figure>
void add_by_peer(const ClusterStatus& status, const char* name, const char* help, MetricType type,
                 Families& out, Figure figure) {
  auto& family = out.family(name, help, type);
  for (const PeerStatus& peer : status.peers) Families::add(family, figure(peer), {{"peer", peer.node}});
}

void add_peers(const ClusterStatus& status, Families& out) {
  constexpr MetricType kCounter = MetricType::Counter, kGauge = MetricType::Gauge;
  add_by_peer(status, "ferrocache_peer_phi", "Suspicion (phi) of each other member.", kGauge, out,
              [](const PeerStatus& peer) { return peer.phi; });
  add_by_peer(status, "ferrocache_peer_reachable", "1 while requests are sent to it.", kGauge, out,
              [](const PeerStatus& peer) { return peer.reachable ? 1.0 : 0.0; });
  add_by_peer(status, "ferrocache_peer_latency_seconds", "Moving average of its answers.", kGauge, out,
              [](const PeerStatus& peer) { return peer.latency_ms / 1000.0; });
  add_by_peer(status, "ferrocache_peer_waiting_bytes", "Bytes that wait to be sent to it.", kGauge, out,
              [](const PeerStatus& peer) { return value(peer.waiting_bytes); });
  add_by_peer(status, "ferrocache_peer_hint_bytes", "Bytes of operations kept for it.", kGauge, out,
              [](const PeerStatus& peer) { return value(peer.hint_bytes); });
  add_by_peer(status, "ferrocache_peer_calls_failed_total", "Calls to it that failed.", kCounter, out,
              [](const PeerStatus& peer) { return value(peer.calls_failed); });
}

}  // namespace

ClusterStatus cluster_of_one() {
  ClusterStatus status;
  status.state = "ready";
  status.nodes.resize(1);
  status.ring_members = 1;
  return status;
}

void add_cluster(const ClusterStatus& status, Families& out) {
  add_members(status, out);
  add_peers(status, out);
  add_replication(status, out);
  add_transfers(status, out);
}

}  // namespace ferro::node::metrics
