// A cluster as the planner sees one, in steps of virtual time: an API server's objects, the controllers and
// kubelets that act on them, and nodes with rings, copies, certificates and tokens. Everything is late by a
// random number of steps, from one seed. No threads, no I/O.
//
// A partition's content is a version number: a write raises it on every live owner. Whoever has the newest is
// in step.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "operator/plan/plan.h"
#include "operator/plan/world.h"

namespace ferro::oper::plan::sim {

inline constexpr int kPartitions = 12;
inline constexpr int64_t kStepS = 5;
inline constexpr int64_t kGraceS = 30;  // cluster.re_replicate_after_seconds

// What a pod template means. Its hash is its text.
struct Template {
  int64_t image = 1;  // see `Images`
  bool tls = true;
  bool auth = true;
  int64_t factor = 2;
  std::string hash() const;
};

Template template_of(const api::ClusterSpec& spec);

// How nodes of an image behave: by its number, so that a spec that goes back meets the same one.
enum class Fate : uint8_t { good, cannot_pull, crashes, never_ready };
Fate fate_of(int64_t image);

using Copies = std::array<int64_t, kPartitions>;  // -1 = none

struct Volume {
  Copies copies{};
  bool wiped = false;
};

struct Tokens {
  int64_t current = 0;
  std::set<int64_t> accepted;
  int64_t minted = 0, switched = 0, rotated = 0;
};

// The Secrets that pods mount.
struct Mounted {
  std::vector<std::string> trust;
  std::map<int64_t, Leaf> leaves;
  std::set<int64_t> tokens;
};

struct Secrets {
  std::optional<Authority> current, next, previous;
  int64_t replaced = 0, rotated = 0;
  std::vector<std::string> trust;
  std::map<int64_t, Leaf> leaves;
  std::optional<Tokens> tokens;
  Mounted mounted() const;
};

// A pod and, while its container runs, the node in it.
struct Pod {
  int64_t ordinal = 0;
  std::string uid;
  int64_t host = 0;
  Template made_from;
  int64_t created = 0;
  int64_t deletion = 0;  // deletionTimestamp; 0 = stays
  bool started = false;  // the container runs
  int64_t start_at = 0, gone_at = 0;
  int64_t started_at = 0;
  // The pod's status, as its kubelet or the node controller wrote it last.
  bool kubelet_says_ready = false;
  int64_t not_ready_since = 0;
  bool kubelet_says_started = false;
  bool mounted = false;  // it has started once: an anew start finds the volume as it is
  Mounted volume;        // what the kubelet has brought
  // The node.
  Mounted loaded;
  bool ready = false, drain = false, drained = false, catching_up = false;
  uint64_t epoch = 0;  // the ring that it goes by
  int64_t ring_members = 0;
  bool sees_change = false;
  bool linked = false;       // other nodes talk to it
  bool out_of_sync = false;  // its host was cut off: its Secrets may be older than anybody may expect
  int64_t compacting_until = 0;
  int64_t snapshot_number = 0, snapshot_unix = 0;
};

struct Host {
  int64_t lost_until = 0;  // no power
  int64_t cut_until = 0;   // no network to API server and operator; its pods talk to others' pods
};

struct Claim {
  std::string uid;
  int64_t created = 0;
  int64_t bytes = 0;
  bool lost = false;
  bool terminating = false;
  bool owned = false;
  int64_t resize_pending_since = 0;
};

struct StatefulSet {
  std::string uid;
  int64_t replicas = 0;
  int64_t claim_bytes = 0;
  Template pod_template;
  int64_t generation = 1, observed = 0;
  int64_t pods_made = 0;
};

// The API server's state that the operator caches.
struct Objects {
  api::ClusterSpec spec;
  int64_t generation = 1;
  nlohmann::json status = nlohmann::json::object();
  std::optional<StatefulSet> set;
  std::map<int64_t, Pod> pods;  // by ordinal
  std::map<int64_t, Claim> claims;
  Secrets secrets;
  bool service_missing = true;
};

// The cluster; owned by a test. The operator of the test reads `now`, `objects` and `report`, and writes
// through the methods of the second part.
class SimulatedCluster {
 public:
  explicit SimulatedCluster(uint64_t seed);

  // One step of everybody but the operator.
  void step();

  int64_t now() const noexcept { return now_; }
  const Objects& objects() const noexcept { return objects_; }
  Objects& objects() noexcept { return objects_; }
  std::mt19937_64& random() noexcept { return random_; }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }
  int64_t pick(int64_t from, int64_t to) { return std::uniform_int_distribution<int64_t>(from, to)(random_); }

  Template wanted_template() const { return template_of(objects_.spec); }
  // The node's answer to a probe of the operator, which shows a certificate of the present authority; or why
  // there is none.
  std::optional<NodeReport> probe(const Pod& pod, std::string& error) const;

  // What people, hardware and the network do.
  void kill_pod(int64_t ordinal);
  void crash_container(int64_t ordinal);
  void lose_host(int64_t host, int64_t seconds);
  void cut_host(int64_t host, int64_t seconds);
  void lose_volume(int64_t ordinal);
  void delete_claim_by_hand(int64_t ordinal);
  void delete_set_by_hand();
  void heal();
  void set_join_rate(int64_t partitions_a_step) { join_rate_ = partitions_a_step; }

  // Questions of the invariants.
  bool is_up(const Pod& pod) const;                    // its node runs and has power
  bool takes_part(const Pod& pod) const;               // and other nodes talk to it
  bool hands_over_when_stopped(const Pod& pod) const;  // what only it has, to others that take part
  bool can_talk(const Pod& a, const Pod& b) const;     // certificates and kind
  std::set<int64_t> holders_of(int partition) const;   // live members with the newest version
  int64_t newest(int partition) const { return newest_[static_cast<size_t>(partition)]; }
  const std::set<int64_t>& ring() const noexcept { return ring_; }
  bool ring_changing() const noexcept { return changing_; }
  Volume& volume(int64_t ordinal) { return volumes_[ordinal]; }
  std::vector<int64_t> owners(const std::set<int64_t>& members, int partition, int64_t factor) const;
  int64_t factor_in_force() const;
  std::string describe() const;

 private:
  void step_hosts();
  void step_stateful_set();
  void step_claims();
  void step_pods();
  void step_kubelets();
  void tell_ready(Pod& pod, bool ready);
  void step_links();
  void step_ring();
  void step_ring_change(const std::set<int64_t>& target);
  void step_states();
  void step_writes();
  std::set<int64_t> target_ring();
  int64_t best_live_version(int partition) const;
  void start_node(Pod& pod);
  void stop_node(Pod& pod);
  void hand_over(const Pod& leaving);
  void forget_claim_with_pod(int64_t ordinal);

  std::mt19937_64 random_;
  int64_t now_ = 1'800'000'000;
  Objects objects_;
  std::map<int64_t, Host> hosts_;
  std::map<int64_t, Volume> volumes_;
  Copies newest_{};
  std::set<int64_t> ring_, target_;
  uint64_t epoch_ = 0;
  bool changing_ = false;
  std::map<int64_t, int64_t> away_since_;
  int64_t join_rate_ = 4;
  int64_t next_uid_ = 1;
};

}  // namespace ferro::oper::plan::sim
