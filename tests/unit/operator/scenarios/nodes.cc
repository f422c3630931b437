#include "tests/unit/operator/scenarios/nodes.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <algorithm>
#include <utility>

#include "operator/api/names.h"
#include "operator/nodeclient/tls_access.h"
#include "operator/pki/certificate.h"
#include "operator/pki/secret_json.h"

namespace ferro::oper::scenarios {
namespace {

constexpr int64_t kStartSeconds = 2;       // from the process's start to ready
constexpr int64_t kReloadSeconds = 4;      // a Secret reaches a node within this time
constexpr int64_t kForgottenSeconds = 60;  // a member that is away for so long is replaced by others
constexpr int64_t kRingChangeSeconds = 2;

std::string meta(const Json& object, const char* name) {
  return object["metadata"].value(name, std::string());
}
std::string key_of(const Json& pod) {
  const Json labels = pod["metadata"].value("labels", Json::object());
  return meta(pod, "namespace") + "/" + labels.value("app.kubernetes.io/instance", "");
}
// Name of the Secret that a volume of the pod is made of, and the key that is mounted from it (empty = all).
std::pair<std::string, std::string> secret_volume(const Json& pod, const std::string& name) {
  for (const Json& volume : pod["spec"].value("volumes", Json::array())) {
    if (volume.value("name", "") != name || !volume.contains("secret")) continue;
    const Json& secret = volume["secret"];
    const Json items = secret.value("items", Json::array());
    return {secret.value("secretName", ""), items.empty() ? "" : items[0].value("key", "")};
  }
  return {};
}
std::map<std::string, int64_t> parse_tokens(const std::string& lines) {
  std::map<std::string, int64_t> tokens;
  for (size_t from = 0; from < lines.size();) {
    const size_t end = std::min(lines.find('\n', from), lines.size());
    const std::string line = lines.substr(from, end - from);
    const size_t mark = line.find(" generation=");
    if (!line.empty())
      tokens[line.substr(0, mark)] = mark == std::string::npos ? 0 : std::stoll(line.substr(mark + 12));
    from = end + 1;
  }
  return tokens;
}
std::string pem_of(X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
  char* data = nullptr;
  if (certificate == nullptr || PEM_write_bio_X509(text.get(), certificate) != 1) return {};
  const long size = BIO_get_mem_data(text.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}
// Certificate and anchors.
std::pair<std::string, std::string> shown_by(const nodeclient::TlsAccess& access) {
  SSL_CTX* const context = access.context().native_handle();
  std::string anchors;
  const STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i)
    anchors += pem_of(X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i)));
  return {pem_of(SSL_CTX_get0_certificate(context)), anchors};
}

}  // namespace

std::string secret_value(const fakes::kube::ApiServer& server, const std::string& ns, const std::string& name,
                         const std::string& key) {
  const auto secret = server.get("secrets", ns, name);
  const auto value = secret ? pki::data_of(*secret, key) : Status::not_found("");
  return value.ok() ? std::string(value->reveal()) : std::string();
}

Nodes::Cluster* Nodes::find(const std::string& ns, const std::string& name) {
  const auto found = clusters_.find(ns + "/" + name);
  return found != clusters_.end() ? &found->second : nullptr;
}

std::string Nodes::client_token_of(const std::string& ns, const std::string& name) const {
  return secret_value(server_, ns, api::token_secret(name), "token");
}

void Nodes::fault(const std::string& key, const std::string& what) {
  const std::string sentence = key + ": " + what;
  if (std::find(faults_.begin(), faults_.end(), sentence) == faults_.end()) faults_.push_back(sentence);
}

fakes::kube::PodHooks Nodes::hooks() {
  fakes::kube::PodHooks hooks;
  hooks.started = [this](const Json& pod) { start(pod); };
  hooks.stopped = [this](const Json& pod) { end(pod); };
  hooks.killed = [this](const Json& pod) { end(pod); };
  hooks.is_ready = [this](const Json& pod) { return is_ready(pod); };
  return hooks;
}

void Nodes::start(const Json& pod) {
  Cluster& cluster = clusters_[key_of(pod)];
  Node node;
  node.member = meta(pod, "name");
  node.pod = pod;
  node.started = now();
  node.snapshot_number = cluster.snapshots[node.member].first;
  node.snapshot_unix = cluster.snapshots[node.member].second;
  load(node);
  ++changes_;
  cluster.nodes[node.member] = std::move(node);
}

void Nodes::end(const Json& pod) {
  Cluster& cluster = clusters_[key_of(pod)];
  const auto found = cluster.nodes.find(meta(pod, "name"));
  if (found == cluster.nodes.end() || meta(found->second.pod, "uid") != meta(pod, "uid")) return;
  cluster.snapshots[found->first] = {found->second.snapshot_number, found->second.snapshot_unix};
  ++changes_;
  cluster.nodes.erase(found);
}

bool Nodes::is_ready(const Json& pod) const {
  const auto cluster = clusters_.find(key_of(pod));
  if (cluster == clusters_.end()) return false;
  const auto node = cluster->second.nodes.find(meta(pod, "name"));
  return node != cluster->second.nodes.end() && meta(node->second.pod, "uid") == meta(pod, "uid") &&
         node->second.ready;
}

void Nodes::step() {
  for (auto& [key, cluster] : clusters_) {
    for (auto& [member, node] : cluster.nodes) {
      const bool ready = now() - node.started >= kStartSeconds && !node.drained;
      if (std::exchange(node.ready, ready) != ready) ++changes_;
      if ((now() + static_cast<int64_t>(member.back())) % kReloadSeconds == 0) load(node);
    }
    update_ring(cluster);
    judge(key, cluster);
    use_token(cluster);
  }
}

// What was mounted from a Secret stays when that is gone.
void Nodes::load(Node& node) {
  const uint64_t version = server_.version();
  if (std::exchange(node.loaded_version, version) == version) return;
  const std::string ns = meta(node.pod, "namespace");
  const auto take = [this](auto& held, auto found) {
    if (found.empty() || found == held) return;
    held = std::move(found);
    ++changes_;
  };
  if (const auto [leaves, unused] = secret_volume(node.pod, "tls"); !leaves.empty()) {
    take(node.leaf, secret_value(server_, ns, leaves, node.member + ".crt"));
    take(node.bundle, secret_value(server_, ns, secret_volume(node.pod, "trust").first, "ca.crt"));
  }
  if (const auto [tokens, key] = secret_volume(node.pod, "tokens"); !tokens.empty()) {
    take(node.tokens, parse_tokens(secret_value(server_, ns, tokens, key)));
  }
}

bool Nodes::trusts(const std::string& bundle, const std::string& leaf) {
  const auto [known, is_new] = trusted_.try_emplace({leaf, bundle}, false);
  if (is_new) known->second = !pki::signer_among(leaf, bundle).empty();
  return known->second;
}

// Mutual TLS between the operator and a node.
bool Nodes::can_talk(const std::shared_ptr<const nodeclient::TlsAccess>& access, const Node& node) {
  const auto [known, is_new] = shown_.try_emplace(access);
  if (is_new) known->second = shown_by(*access);
  const auto& [certificate, anchors] = known->second;
  return trusts(anchors, node.leaf) && trusts(node.bundle, certificate);
}

void Nodes::update_ring(Cluster& cluster) {
  const auto changed = [&cluster, this] {
    ++cluster.epoch;
    ++changes_;
    cluster.changed = now();
  };
  for (auto& [member, node] : cluster.nodes) {
    if (node.draining && !node.drained && now() >= node.drain_ends) {
      node.drained = true;
      cluster.ring.erase(member);
      changed();
    }
    if (!node.ready || node.drained) continue;
    if (cluster.ring.emplace(member, now()).second) changed();
    cluster.ring[member] = now();
  }
  if (cluster.nodes.empty()) return;  // all are away, and come back with what they had
  for (auto entry = cluster.ring.begin(); entry != cluster.ring.end();) {
    if (now() - entry->second > kForgottenSeconds && cluster.nodes.count(entry->first) == 0) {
      entry = cluster.ring.erase(entry);
      changed();
    } else {
      ++entry;
    }
  }
}

void Nodes::judge(const std::string& key, Cluster& cluster) {
  const auto state = std::make_pair(server_.version(), changes_);
  if (std::exchange(cluster.judged, state) == state) return;
  const size_t slash = key.find('/');
  const std::string ns = key.substr(0, slash), name = key.substr(slash + 1);
  const auto resource = server_.get("ferrocacheclusters", ns, name);
  const auto set = server_.get("statefulsets", ns, name);
  if (!resource || resource->at("metadata").contains("deletionTimestamp") || !set) return;
  const int64_t replicas = (*set)["spec"].value("replicas", 0);
  if (replicas == 0 || (*resource)["spec"].value("hibernated", false)) return;

  int64_t away = 0;
  for (const auto& [member, seen] : cluster.ring) {
    const auto node = cluster.nodes.find(member);
    if (node != cluster.nodes.end() && node->second.ready) continue;
    ++away;
    if (api::ordinal_of(name, member).value_or(0) >= replicas && !server_.get("pods", ns, member)) {
      fault(key, member + " was taken away before it was drained");
    }
  }
  if (away > away_allowed) fault(key, std::to_string(away) + " members are away at once");

  const std::string& token = cluster.client_token = client_token_of(ns, name);
  for (const auto& [member, node] : cluster.nodes) {
    if (!node.ready) continue;
    if (!node.tokens.empty() && node.tokens.count(token) == 0)
      fault(key, member + " refuses the clients' token");
    for (const auto& [other, peer] : cluster.nodes) {
      if (!peer.ready || node.leaf.empty() || peer.bundle.empty()) continue;
      if (!trusts(peer.bundle, node.leaf)) fault(key, other + " does not trust " + member);
    }
  }
}

// Clients ask every node once a second.
void Nodes::use_token(Cluster& cluster) const {
  for (auto& [member, node] : cluster.nodes) {
    const auto used = node.tokens.find(cluster.client_token);
    if (used != node.tokens.end()) node.last_used[used->second] = now();
  }
}

Result<Nodes::Node*> Nodes::reach(const nodeclient::NodeAccess& access,
                                  const nodeclient::NodeAddress& address, Cluster** cluster) {
  if (cut_off_) return Status::unreachable("injected: the network is cut");
  // NAME-N.NAME-nodes.NAMESPACE.svc
  const std::string suffix = ".svc";
  const std::string host = address.host.substr(0, address.host.size() - suffix.size());
  const std::string ns = host.substr(host.rfind('.') + 1);
  const std::string name = address.member.substr(0, address.member.rfind('-'));
  *cluster = find(ns, name);
  if (*cluster == nullptr || (*cluster)->nodes.count(address.member) == 0) {
    return Status::unreachable(address.ip + ": connection refused");
  }
  Node& node = (*cluster)->nodes[address.member];
  const bool tls = !node.leaf.empty();
  if (tls != (address.port == api::kInternalPort) || tls != (access.tls != nullptr)) {
    return Status::unreachable(address.ip + ": speaks another protocol");
  }
  if (tls && !can_talk(access.tls, node))
    return Status::unreachable(address.ip + ": the handshake fails: one does not trust the other");
  if (!tls && !node.tokens.empty() && node.tokens.count(std::string(access.token.reveal())) == 0) {
    return Status(StatusCode::unauthenticated, "it answers 401");
  }
  return &node;
}

plan::NodeReport Nodes::report_of(const Cluster& cluster, const Node& node) const {
  plan::NodeReport report;
  report.state = node.drained ? "drained" : node.draining ? "draining" : node.ready ? "ready" : "joining";
  report.version = "1";
  report.started_unix = node.started;
  report.replication_factor = 2;
  report.ring_epoch = cluster.epoch;
  report.ring_members = static_cast<int64_t>(cluster.ring.size());
  report.ring_changing = now() - cluster.changed < kRingChangeSeconds;
  for (const auto& [member, other] : cluster.nodes) {
    if (other.ready) report.members.push_back(member);
  }
  for (const auto& [member, seen] : cluster.ring) {
    const auto other = cluster.nodes.find(member);
    if (other != cluster.nodes.end() && other->second.ready) continue;
    report.dead.push_back(member);
    report.partitions_under_replicated = 100;
  }
  report.drain_running = node.draining && !node.drained;
  report.drained = node.drained;
  if (!node.leaf.empty()) {
    const auto leaf = pki::inspect(node.leaf);
    if (leaf.ok()) {
      report.certificate_fingerprint = leaf->fingerprint;
      report.certificate_not_after_unix = leaf->not_after_unix;
    }
    const auto anchors = pki::inspect_all(node.bundle);
    if (anchors.ok()) {
      for (const auto& anchor : *anchors) report.trusted_fingerprints.push_back(anchor.fingerprint);
    }
  }
  report.auth_enabled = !node.tokens.empty();
  for (const auto& [token, generation] : node.tokens) {
    report.token_generation = std::max(report.token_generation, generation);
    const auto used = node.last_used.find(generation);
    report.token_last_used_unix[generation] = used != node.last_used.end() ? used->second : 0;
  }
  report.entries = 1000;
  report.memory_bytes = node.memory;
  report.memory_max_bytes = 1000;
  report.snapshot_bytes = 1000;
  report.snapshot_number = node.snapshot_number;
  report.snapshot_unix = node.snapshot_unix;
  return report;
}

std::vector<Result<plan::NodeReport>> Nodes::reports(const nodeclient::NodeAccess& access,
                                                     const std::vector<nodeclient::NodeAddress>& nodes) {
  std::vector<Result<plan::NodeReport>> found;
  for (const nodeclient::NodeAddress& address : nodes) {
    Cluster* cluster = nullptr;
    const auto node = reach(access, address, &cluster);
    if (node.ok()) {
      found.emplace_back(report_of(*cluster, **node));
    } else {
      found.emplace_back(node.status());
    }
  }
  return found;
}

std::vector<Result<nodeclient::NodeFigures>> Nodes::figures(
    const nodeclient::NodeAccess& access, const std::vector<nodeclient::NodeAddress>& nodes) {
  std::vector<Result<nodeclient::NodeFigures>> found;
  for (const nodeclient::NodeAddress& address : nodes) {
    Cluster* cluster = nullptr;
    const auto node = reach(access, address, &cluster);
    if (node.ok()) {
      found.emplace_back(nodeclient::NodeFigures{(*node)->memory, 1000, {}});
    } else {
      found.emplace_back(node.status());
    }
  }
  return found;
}

Status Nodes::start_drain(const nodeclient::NodeAccess& access, const nodeclient::NodeAddress& address) {
  Cluster* cluster = nullptr;
  FERRO_ASSIGN_OR_RETURN(Node* const node, reach(access, address, &cluster));
  ++commands_;
  if (node->draining) return {};
  node->draining = true;
  node->drain_ends = now() + drain_seconds;
  return {};
}

Status Nodes::cancel_drain(const nodeclient::NodeAccess& access, const nodeclient::NodeAddress& address) {
  Cluster* cluster = nullptr;
  FERRO_ASSIGN_OR_RETURN(Node* const node, reach(access, address, &cluster));
  ++commands_;
  node->draining = node->drained = false;
  return {};
}

Status Nodes::compact(const nodeclient::NodeAccess& access, const nodeclient::NodeAddress& address) {
  Cluster* cluster = nullptr;
  FERRO_ASSIGN_OR_RETURN(Node* const node, reach(access, address, &cluster));
  ++commands_;
  ++node->snapshot_number;
  node->snapshot_unix = now();
  return {};
}

}  // namespace ferro::oper::scenarios
