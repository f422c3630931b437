// A whole cluster of memberships in one thread on virtual time: a network that delays, loses and cuts, nodes
// that crash and come back. The same seed gives the same run. Messages travel encoded, and their bytes count.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "node/cluster/membership/membership.h"

namespace ferro::node::cluster {

struct WorldOptions {
  uint64_t seed = 1;
  size_t nodes = 3;
  size_t targets = 2;  // that a node gossips with in one round
  int64_t delay_max_ms = 5;
  unsigned loss_percent = 0;
  size_t id_bytes = 36;  // as long as a UUID
  MembershipOptions membership;
};

class World {
 public:
  explicit World(WorldOptions options);

  void run_ms(int64_t for_ms);
  // Until `done` holds, asked once a round; false if it does not within `max_ms`.
  bool run_until(const std::function<bool()>& done, int64_t max_ms);

  size_t size() const { return nodes_.size(); }
  const std::string& id(size_t node) const { return nodes_[node].id; }
  Membership& at(size_t node) { return *nodes_[node].membership; }
  bool is_up(size_t node) const { return nodes_[node].up; }
  void crash(size_t node) { nodes_[node].up = false; }
  // From scratch, with a generation as its data folder would give it.
  void start(size_t node, uint64_t generation);
  // Messages from one to the other get lost while this holds.
  void cut(std::function<bool(size_t from, size_t to)> is_cut) { is_cut_ = std::move(is_cut); }
  void set_loss(unsigned percent) { options_.loss_percent = percent; }

  // How `node` sees `of`; nullptr if it does not.
  const Member* view(size_t node, size_t of) { return at(node).find(id(of)); }
  bool sees_alive(size_t node, size_t of) {
    const Member* member = view(node, of);
    return member != nullptr && member->liveness != Liveness::dead;
  }
  // Every running node sees exactly the running ones as not dead, and their values as they are.
  bool agree();

  uint64_t bytes_sent() const { return bytes_sent_; }
  size_t largest_message() const { return largest_message_; }
  ManualClock& clock() { return clock_; }
  uint64_t random() { return random_(); }
  // Of all nodes: how often one that was running was seen to die.
  uint64_t false_deaths() const { return false_deaths_; }

 private:
  struct Node {
    std::string id;
    std::unique_ptr<Membership> membership;
    bool up = false;
    uint64_t starts = 0;  // rounds of an earlier life run no more
    std::map<std::string, Liveness, std::less<>> last_seen;
  };
  void at_ms(int64_t delay_ms, std::function<void()> what);
  void round(size_t node, uint64_t starts);
  void count_false_deaths(Node& node);
  void send(size_t from, size_t to, const std::string& bytes,
            const std::function<void(const std::string&)>& arrive);
  void gossip(size_t from, size_t to);
  size_t number_of(const std::string& id) const;

  WorldOptions options_;
  ManualClock clock_;
  std::mt19937_64 random_;
  int64_t now_ms_ = 0;
  std::multimap<int64_t, std::function<void()>> events_;
  std::vector<Node> nodes_;
  std::function<bool(size_t, size_t)> is_cut_;
  uint64_t bytes_sent_ = 0, false_deaths_ = 0;
  size_t largest_message_ = 0;
};

}  // namespace ferro::node::cluster
