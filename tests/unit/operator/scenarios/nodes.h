// The cache nodes of every cluster, in steps: who is in the ring, what they serve, trust and accept, drains
// and snapshots. They read the Secrets that their pods mount some seconds late, each at a time of its own, as
// kubelets bring them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "operator/nodeclient/node_client.h"
#include "tests/fakes/kube_api/api_server.h"
#include "tests/fakes/kube_api/controllers.h"

namespace ferro::oper::scenarios {

using fakes::kube::Json;

// Empty if there is none.
std::string secret_value(const fakes::kube::ApiServer& server, const std::string& ns, const std::string& name,
                         const std::string& key);

// Single-threaded. Collects what would have failed a client as sentences.
class Nodes final : public nodeclient::NodeClient {
 public:
  Nodes(fakes::kube::ApiServer& server, const Clock& clock) : server_(server), clock_(clock) {}

  // Everything moves on by one second.
  void step();
  // What the kubelets do with pods.
  fakes::kube::PodHooks hooks();
  // What went wrong so far: an invariant that broke, and where.
  const std::vector<std::string>& faults() const { return faults_; }

  // --- NodeClient, for the operator ---
  std::vector<Result<plan::NodeReport>> reports(const nodeclient::NodeAccess& access,
                                                const std::vector<nodeclient::NodeAddress>& nodes) override;
  std::vector<Result<nodeclient::NodeFigures>> figures(
      const nodeclient::NodeAccess& access, const std::vector<nodeclient::NodeAddress>& nodes) override;
  Status start_drain(const nodeclient::NodeAccess& access, const nodeclient::NodeAddress& node) override;
  Status cancel_drain(const nodeclient::NodeAccess& access, const nodeclient::NodeAddress& node) override;
  Status compact(const nodeclient::NodeAccess& access, const nodeclient::NodeAddress& node) override;
  void interrupt() override {}

  // --- for tests ---
  struct Node {
    std::string member;
    Json pod;
    bool ready = false, draining = false, drained = false;
    int64_t started = 0, drain_ends = 0;
    std::string leaf;                       // PEM that it serves
    std::string bundle;                     // PEM that it trusts
    std::map<std::string, int64_t> tokens;  // that it accepts, to their generation
    std::map<int64_t, int64_t> last_used;
    uint64_t loaded_version = 0;  // of the API server, when it last read its Secrets
    int64_t memory = 100;
    // What lies in the data folder stays with the claim:
    int64_t snapshot_number = 0, snapshot_unix = 0;
  };
  struct Cluster {
    std::map<std::string, Node> nodes;    // running, by member
    std::map<std::string, int64_t> ring;  // members that own entries, and when each was last seen running
    uint64_t epoch = 1;
    int64_t changed = 0;  // when the ring last did
    std::string client_token;
    std::pair<uint64_t, uint64_t> judged;  // the server's version and changes(), at the last judge()
    std::map<std::string, std::pair<int64_t, int64_t>>
        snapshots;  // number and time, by member, of those away
  };
  Cluster* find(const std::string& ns, const std::string& name);
  // The network between operator and nodes is cut: every call fails.
  void cut_off(bool cut) { cut_off_ = cut; }
  uint64_t commands() const { return commands_; }
  // Grows whenever a pod would see a difference: a node starts, ends, turns ready or not, loads another
  // certificate, bundle or token file.
  uint64_t changes() const { return changes_; }
  // How many members may be away at once (maxUnavailable), per check.
  int64_t away_allowed = 1;
  int64_t drain_seconds = 3;
  std::string client_token_of(const std::string& ns, const std::string& name) const;

 private:
  Result<Node*> reach(const nodeclient::NodeAccess& access, const nodeclient::NodeAddress& node,
                      Cluster** cluster);
  plan::NodeReport report_of(const Cluster& cluster, const Node& node) const;
  void start(const Json& pod);
  void end(const Json& pod);
  bool is_ready(const Json& pod) const;
  void load(Node& node);
  bool trusts(const std::string& bundle, const std::string& leaf);
  bool can_talk(const std::shared_ptr<const nodeclient::TlsAccess>& access, const Node& node);
  void update_ring(Cluster& cluster);
  void judge(const std::string& key, Cluster& cluster);
  void use_token(Cluster& cluster) const;
  void fault(const std::string& key, const std::string& what);

  fakes::kube::ApiServer& server_;
  const Clock& clock_;
  std::map<std::string, Cluster> clusters_;  // "namespace/name"
  std::vector<std::string> faults_;
  std::map<std::pair<std::string, std::string>, bool> trusted_;  // leaf and bundle, judged before
  // Certificate and anchors of operators that have asked, PEM.
  std::map<std::shared_ptr<const nodeclient::TlsAccess>, std::pair<std::string, std::string>> shown_;
  bool cut_off_ = false;
  uint64_t commands_ = 0, changes_ = 0;
  int64_t now() const { return clock_.wall_ms() / 1000; }
};

}  // namespace ferro::oper::scenarios
