#include "node/api/cluster_json.h"

#include <array>
#include <cmath>

#include "common/base/utf8.h"

namespace ferro::node::api {
namespace {

using cluster::ClusterStatus;
using cluster::PeerStatus;

// Phi grows without end while a node is silent; JSON has no infinity.
constexpr double kPhiMax = 1e6;
double finite_phi(double phi) {
  return std::isfinite(phi) ? std::min(phi, kPhiMax) : kPhiMax;
}

bool is_leaving(const PeerStatus& peer) {
  return peer.state == "leaving" || peer.state == "left";
}

// The contract's word; one that said goodbye is not dead, whatever its silence.
std::string_view status_word(const PeerStatus& peer) {
  if (is_leaving(peer)) return "Leaving";
  if (peer.health == "dead") return "Dead";
  return peer.health == "suspected" ? "Suspected" : "Alive";
}

// 64 bits are more than a JSON number holds everywhere.
std::string hex(uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = text.size(); i-- > 0; value >>= 4) text[i] = kDigits[value & 0xF];
  return text;
}

void append_ids(const std::vector<cluster::NodeId>& ids, JsonWriter& json) {
  json.begin_array();
  for (const cluster::NodeId& id : ids) json.string(printable(id));
  json.end_array();
}

void append_peer(const PeerStatus& peer, JsonWriter& json) {
  json.begin_object().key("node_id").string(printable(peer.node));
  json.key("api_addr").string(printable(peer.api_address));
  json.key("gossip_addr").string(printable(peer.gossip_address));
  json.key("phi").number(finite_phi(peer.phi)).key("status").string(status_word(peer));
  json.key("state").string(printable(peer.state)).key("version").string(printable(peer.software));
  json.key("protocol_version").number(peer.protocol_version);
  json.key("reachable").boolean(peer.reachable).key("latency_ms");
  json.number(std::isfinite(peer.latency_ms) ? peer.latency_ms : 0.0);
  json.key("calls_in_flight").number(peer.calls_in_flight).key("calls_failed").number(peer.calls_failed);
  json.key("waiting_bytes").number(peer.waiting_bytes).key("hint_bytes").number(peer.hint_bytes);
  if (peer.clock_ahead_ms) json.key("clock_ahead_ms").number(*peer.clock_ahead_ms);
  json.key("token_generation").number(peer.credentials.token_generation);
  if (!peer.credentials.certificate_fingerprint.empty()) {
    json.key("certificate").begin_object();
    append_credentials(peer.credentials, json);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

void append_credentials(const cluster::Credentials& credentials, JsonWriter& json) {
  json.key("fingerprint_sha256").string(printable(credentials.certificate_fingerprint));
  json.key("not_after").number(credentials.certificate_not_after_unix);
  json.key("trusted").begin_array();
  for (const std::string& fingerprint : credentials.trusted_fingerprints) json.string(printable(fingerprint));
  json.end_array();
}

void append_members(const ClusterStatus& status, JsonWriter& json) {
  if (!status.gossip_address.empty()) json.key("gossip_addr").string(printable(status.gossip_address));
  json.key("nodes");
  append_ids(status.nodes, json);
  json.key("node_count").number(status.nodes.size());
  json.key("peers").begin_array();
  for (const PeerStatus& peer : status.peers) append_peer(peer, json);
  json.end_array().key("peer_health").begin_object();
  for (const PeerStatus& peer : status.peers) {
    json.key(printable(peer.node)).begin_object().key("status").string(printable(peer.health));
    json.key("phi").number(finite_phi(peer.phi)).end_object();
  }
  json.end_object().key("dead_nodes");
  append_ids(status.dead_nodes, json);
  json.key("ring_size").number(status.ring_members);
}

void append_replication(const ClusterStatus& status, const ApiOptions& options, JsonWriter& json) {
  json.key("ring").begin_object().key("epoch").number(status.ring_epoch);
  json.key("members").number(status.ring_members).key("fingerprint").string(hex(status.ring_fingerprint));
  json.key("target_fingerprint").string(hex(status.target_fingerprint));
  json.key("full").boolean(status.ring_full);
  json.key("changing").boolean(status.ring_changing).key("changes").number(status.ring_changes).end_object();

  json.key("replication").begin_object().key("factor").number(options.replication_factor);
  json.key("write_consistency").string(options.write_consistency);
  json.key("lag_ms").number(status.replication_lag_ms);
  json.key("hints").number(status.hints).key("hint_bytes").number(status.hint_bytes);
  json.key("hints_dropped").number(status.hints_dropped);
  json.key("repaired_entries").number(status.repaired_entries);
  json.key("hedged_lookups").number(status.hedged_lookups).end_object();
  append_transfer("catch_up", status.catch_up, json);
  append_transfer("hand_over", status.hand_over, json);
  append_transfer("drain", status.drain, json);
  json.key("drained").boolean(status.drained);
  const ClusterStatus::Departure& departure = status.departure;
  json.key("departure").begin_object().key("running").boolean(departure.running);
  json.key("waits_for").string(printable(departure.waits_for));
  json.key("partitions_done").number(departure.partitions_done);
  json.key("partitions_total").number(departure.partitions_total);
  json.key("partitions_only_here").number(departure.partitions_only_here);
  json.key("operations_unconfirmed").number(departure.operations_unconfirmed).end_object();
  json.key("clock_ahead_ms").number(status.clock_ahead_ms);

  json.key("gossip").begin_object().key("bytes_sent").number(status.gossip_bytes_sent);
  json.key("bytes_received").number(status.gossip_bytes_received).end_object();
  json.key("refused_links").begin_array();
  for (const auto& [from, reason] : status.refused_links) {
    json.begin_object().key("from").string(printable(from));
    json.key("reason").string(printable(reason)).end_object();
  }
  json.end_array();
}

void append_transfer(std::string_view name, const ClusterStatus::Transfer& transfer, JsonWriter& json) {
  json.key(name).begin_object().key("running").boolean(transfer.running);
  json.key("partitions_done").number(transfer.partitions_done);
  json.key("partitions_total").number(transfer.partitions_total);
  json.key("entries_moved").number(transfer.entries_moved);
  json.key("bytes_moved").number(transfer.bytes_moved).end_object();
}

void append_partitions(const ClusterStatus& status, const std::optional<std::string>& fixed_scope,
                       JsonWriter& json) {
  json.key("splits").begin_array();
  for (const ClusterStatus::Split& split : status.splits) {
    json.begin_object().key("hash").string(hex(split.hash)).key("partitions").number(1U << split.degree);
    json.key("namespaces").begin_array();
    for (const model::NamespaceKey& ns : split.namespaces) {
      if (!fixed_scope || ns.scope == *fixed_scope) json.string(printable(model::printed_name(ns)));
    }
    json.end_array().end_object();
  }
  json.end_array().key("splits_wanted").number(status.splits_wanted).key("splits_held_by");
  append_ids(status.splits_held_by, json);
  json.key("partitions_owned").number(status.partitions_owned);
  json.key("partitions_under_replicated").number(status.partitions_under_replicated);
  json.key("partitions_out_of_step").number(status.partitions_out_of_step);
  json.key("partitions_uncompared").number(status.partitions_uncompared);
  json.key("partitions").begin_array();
  for (const cluster::PartitionHealth& health : status.partitions) {
    json.begin_object().key("partition").number(health.partition).key("owners").begin_array();
    for (const uint16_t owner : status.ring->owners(health.partition)) {
      json.string(printable(status.ring->id(owner)));
    }
    json.end_array().key("live_owners").number(health.live_owners).key("in_step").boolean(health.in_step);
    json.key("compared").boolean(health.compared).end_object();
  }
  json.end_array();
}

}  // namespace ferro::node::api
