// Nodes of the simulated cluster: who talks to whom, the ring, copies, and what a node answers to a probe.
#include <algorithm>
#include <functional>
#include <utility>

#include "tests/unit/operator/plan/simulated_cluster/simulated_cluster.h"

namespace ferro::oper::plan::sim {
namespace {

bool lists(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

}  // namespace

void SimulatedCluster::start_node(Pod& pod) {
  pod.started = true;
  pod.started_at = now_;
  if (!pod.mounted) pod.volume = objects_.secrets.mounted();
  pod.mounted = true;
  pod.loaded = pod.volume;
  pod.ready = pod.drain = pod.drained = false;
  pod.catching_up = true;
}

void SimulatedCluster::stop_node(Pod& pod) {
  pod.started = pod.ready = pod.drain = pod.drained = pod.catching_up = false;
  pod.compacting_until = 0;
}

// A node that is told to stop gives what only it has to the owners that are left.
void SimulatedCluster::hand_over(const Pod& leaving) {
  std::set<int64_t> others;
  for (const auto& [ordinal, pod] : objects_.pods) {
    // One that leaves the ring itself is not handed anything.
    if (ordinal != leaving.ordinal && takes_part(pod) && !pod.drain) others.insert(ordinal);
  }
  for (int p = 0; p < kPartitions; ++p) {
    const auto holders = holders_of(p);
    if (holders != std::set<int64_t>{leaving.ordinal} || newest(p) == 0) continue;
    for (const int64_t owner : owners(others, p, 1))
      volumes_[owner].copies[static_cast<size_t>(p)] = newest(p);
  }
}

// What does not serve, with one copy of everything, is read by those that do until it has given it to them:
// it cannot be drained first, since those that it would be moved to need not be well.
bool SimulatedCluster::hands_over_when_stopped(const Pod& pod) const {
  if (pod.ready || pod.kubelet_says_ready || factor_in_force() != 1 || !takes_part(pod)) return false;
  return std::any_of(objects_.pods.begin(), objects_.pods.end(), [&](const auto& other) {
    return other.first != pod.ordinal && takes_part(other.second) && other.second.deletion == 0 &&
           !other.second.drain;
  });
}

bool SimulatedCluster::is_up(const Pod& pod) const {
  const auto host = hosts_.find(pod.host);
  return pod.started && (host == hosts_.end() || host->second.lost_until <= now_);
}

bool SimulatedCluster::can_talk(const Pod& a, const Pod& b) const {
  if (a.made_from.tls != b.made_from.tls) return false;
  if (!a.made_from.tls) return true;
  const auto verifies = [this](const Pod& who, const Pod& whom) {
    const auto leaf = whom.loaded.leaves.find(whom.ordinal);
    return leaf != whom.loaded.leaves.end() && leaf->second.not_after_unix > now_ &&
           lists(who.loaded.trust, leaf->second.issuer_fingerprint);
  };
  return verifies(a, b) && verifies(b, a);
}

bool SimulatedCluster::takes_part(const Pod& pod) const {
  return is_up(pod) && pod.linked;
}

// One that no ready node can talk to is cut off; before anybody is ready all are taken as they are.
void SimulatedCluster::step_links() {
  for (auto& [ordinal, pod] : objects_.pods) {
    pod.linked = false;
    if (!is_up(pod)) continue;
    bool anybody_ready = false;
    for (const auto& [other_ordinal, other] : objects_.pods) {
      if (other_ordinal == ordinal || !is_up(other) || !other.ready) continue;
      anybody_ready = true;
      if (can_talk(pod, other)) pod.linked = true;
    }
    if (!anybody_ready) pod.linked = true;
  }
}

std::vector<int64_t> SimulatedCluster::owners(const std::set<int64_t>& members, int partition,
                                              int64_t factor) const {
  std::array<std::pair<uint64_t, int64_t>, 32> ranked;
  size_t count = 0;
  for (const int64_t member : members)
    ranked[count++] = {mix(static_cast<uint64_t>(member) * 1000003 + static_cast<uint64_t>(partition) + 1),
                       member};
  std::sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<int64_t> chosen;
  for (size_t i = 0; i < count && static_cast<int64_t>(i) < factor; ++i) chosen.push_back(ranked[i].second);
  return chosen;
}

int64_t SimulatedCluster::factor_in_force() const {
  int64_t factor = 1;
  for (const auto& [ordinal, pod] : objects_.pods) {
    if (takes_part(pod)) factor = std::max(factor, pod.made_from.factor);
  }
  return factor;
}

int64_t SimulatedCluster::best_live_version(int partition) const {
  int64_t best = -1;
  for (const auto& [ordinal, pod] : objects_.pods) {
    const auto volume = volumes_.find(ordinal);
    if (takes_part(pod) && volume != volumes_.end())
      best = std::max(best, volume->second.copies[static_cast<size_t>(partition)]);
  }
  return best;
}

std::set<int64_t> SimulatedCluster::holders_of(int partition) const {
  std::set<int64_t> holders;
  for (const auto& [ordinal, pod] : objects_.pods) {
    const auto volume = volumes_.find(ordinal);
    if (takes_part(pod) && volume != volumes_.end() &&
        volume->second.copies[static_cast<size_t>(partition)] == newest(partition))
      holders.insert(ordinal);
  }
  return holders;
}

std::set<int64_t> SimulatedCluster::target_ring() {
  std::set<int64_t> live, willing;
  for (const auto& [ordinal, pod] : objects_.pods) {
    if (!takes_part(pod) || fate_of(pod.made_from.image) == Fate::never_ready) continue;
    live.insert(ordinal);
    if (!pod.drain) willing.insert(ordinal);
  }
  if (live.empty()) return ring_;
  std::set<int64_t> target = willing.empty() ? live : willing;
  int64_t here = 0;
  for (const int64_t member : ring_) {
    if (live.count(member) > 0) {
      ++here;
      away_since_.erase(member);
      continue;
    }
    const int64_t since = away_since_.emplace(member, now_).first->second;
    if (now_ - since < kGraceS) target.insert(member);
  }
  // A smaller side keeps the ring as it is.
  if (!ring_.empty() && 2 * here < static_cast<int64_t>(ring_.size())) {
    target.insert(ring_.begin(), ring_.end());
    for (const int64_t member : live) {
      if (objects_.pods.at(member).drain && target.size() > 1) target.erase(member);
    }
  }
  return target;
}

void SimulatedCluster::step_ring() {
  const std::set<int64_t> target = target_ = target_ring();
  changing_ = target != ring_;
  if (ring_.empty()) {
    ring_ = target;
    if (!ring_.empty()) ++epoch_;
    changing_ = false;
  } else if (changing_) {
    step_ring_change(target);
  }
  // Whoever owns something that it does not have in the latest version fetches it.
  const int64_t factor = factor_in_force();
  for (auto& [ordinal, pod] : objects_.pods) {
    pod.catching_up = false;
    if (!takes_part(pod)) continue;
    int64_t budget = join_rate_;
    for (int p = 0; p < kPartitions; ++p) {
      const auto now_owned = owners(ring_, p, factor);
      const auto then_owned = owners(target, p, factor);
      const auto owns = [&](const std::vector<int64_t>& of) {
        return std::find(of.begin(), of.end(), ordinal) != of.end();
      };
      const int64_t best = best_live_version(p);
      int64_t& mine = volumes_[ordinal].copies[static_cast<size_t>(p)];
      if ((owns(now_owned) || owns(then_owned)) && mine < best) {
        if (budget-- > 0) mine = best;
        if (mine < best) pod.catching_up = true;
      } else if (!owns(now_owned) && !owns(then_owned) && mine >= 0 && !changing_ &&
                 holders_of(p).size() >= std::min<size_t>(now_owned.size(), static_cast<size_t>(factor)) +
                                             (mine == newest(p) ? 1 : 0)) {
        mine = -1;  // handed over
      }
    }
  }
}

void SimulatedCluster::step_ring_change(const std::set<int64_t>& target) {
  const int64_t factor = factor_in_force();
  for (int p = 0; p < kPartitions; ++p) {
    bool live_owner = false;
    for (const int64_t member : owners(target, p, factor)) {
      const auto pod = objects_.pods.find(member);
      if (pod == objects_.pods.end() || !takes_part(pod->second)) continue;
      live_owner = true;
      if (volumes_[member].copies[static_cast<size_t>(p)] < best_live_version(p)) return;
    }
    if (!live_owner && best_live_version(p) >= 0) return;
  }
  if (!chance(0.5)) return;
  ring_ = target;
  ++epoch_;
  changing_ = false;
}

void SimulatedCluster::step_states() {
  const int64_t factor = factor_in_force();
  for (auto& [ordinal, pod] : objects_.pods) {
    if (!is_up(pod)) continue;
    if (chance(0.8)) {
      pod.epoch = epoch_;
      pod.ring_members = static_cast<int64_t>(ring_.size());
      pod.sees_change = changing_;
    }
    bool whole = ring_.count(ordinal) > 0 && takes_part(pod);
    bool empty = ring_.count(ordinal) == 0;
    for (int p = 0; p < kPartitions; ++p) {
      const auto owned = owners(ring_, p, factor);
      const int64_t mine = volumes_[ordinal].copies[static_cast<size_t>(p)];
      if (std::find(owned.begin(), owned.end(), ordinal) != owned.end() && mine < best_live_version(p))
        whole = false;
      if (mine >= 0) empty = false;
    }
    // A ready node that lags by a write is still ready: it is repaired in the background.
    pod.ready = fate_of(pod.made_from.image) != Fate::never_ready && !pod.drain && takes_part(pod) &&
                (pod.ready ? ring_.count(ordinal) > 0 : whole);
    pod.drained = pod.drain && empty;
    if (pod.compacting_until != 0 && now_ >= pod.compacting_until) {
      pod.compacting_until = 0;
      ++pod.snapshot_number;
      pod.snapshot_unix = now_;
    }
  }
}

void SimulatedCluster::step_writes() {
  const int64_t factor = factor_in_force();
  for (int p = 0; p < kPartitions; ++p) {
    if (!chance(0.3)) continue;
    const int64_t best = best_live_version(p);
    std::set<int64_t> takers;
    bool has_owner = false;
    for (const auto* ring : {&ring_, &target_}) {
      for (const int64_t member : owners(*ring, p, factor)) {
        const auto pod = objects_.pods.find(member);
        if (pod == objects_.pods.end() || !takes_part(pod->second) ||
            volumes_[member].copies[static_cast<size_t>(p)] != best)
          continue;
        takers.insert(member);
        if (ring == &ring_) has_owner = true;
      }
    }
    if (!has_owner) continue;
    const int64_t version = std::max(newest_[static_cast<size_t>(p)], best) + 1;
    newest_[static_cast<size_t>(p)] = version;
    for (const int64_t member : takers) volumes_[member].copies[static_cast<size_t>(p)] = version;
  }
}

std::optional<NodeReport> SimulatedCluster::probe(const Pod& pod, std::string& error) const {
  const auto host = hosts_.find(pod.host);
  if (!is_up(pod) || (host != hosts_.end() && host->second.cut_until > now_)) {
    error = "no answer in time";
    return std::nullopt;
  }
  const auto leaf = pod.loaded.leaves.find(pod.ordinal);
  if (pod.made_from.tls) {
    const auto& secrets = objects_.secrets;
    if (!secrets.current || !lists(pod.loaded.trust, secrets.current->fingerprint)) {
      error = "it does not trust the operator's certificate";
      return std::nullopt;
    }
    if (leaf == pod.loaded.leaves.end() || leaf->second.not_after_unix <= now_ ||
        !lists(secrets.trust, leaf->second.issuer_fingerprint)) {
      error = "its certificate is not trusted";
      return std::nullopt;
    }
  }
  NodeReport report;
  report.state = pod.drained ? "drained" : pod.drain ? "draining" : pod.ready ? "ready" : "joining";
  report.version = std::to_string(pod.made_from.image);
  report.started_unix = pod.started_at;
  report.replication_factor = pod.made_from.factor;
  report.ring_epoch = pod.epoch;
  report.ring_members = pod.ring_members;
  report.ring_changing = pod.sees_change;
  report.catch_up_running = pod.catching_up;
  report.hand_over_running = pod.drain && !pod.drained;
  report.drain_running = report.hand_over_running;
  report.drained = pod.drained;
  const int64_t factor = factor_in_force();
  for (int p = 0; p < kPartitions; ++p) {
    const auto owned = owners(ring_, p, factor);
    if (std::find(owned.begin(), owned.end(), pod.ordinal) == owned.end()) continue;
    bool missing = false, behind = false;
    for (const int64_t member : owned) {
      const auto other = objects_.pods.find(member);
      if (other == objects_.pods.end() || !takes_part(other->second)) {
        missing = true;
      } else if (volumes_.at(member).copies[static_cast<size_t>(p)] < best_live_version(p)) {
        behind = true;
      }
    }
    if (missing) ++report.partitions_under_replicated;
    if (behind) ++report.partitions_out_of_step;
  }
  if (pod.made_from.tls) {
    report.certificate_fingerprint = leaf->second.fingerprint;
    report.certificate_not_after_unix = leaf->second.not_after_unix;
    report.trusted_fingerprints = pod.loaded.trust;
  }
  report.auth_enabled = pod.made_from.auth;
  report.token_generation = pod.loaded.tokens.empty() ? 0 : *pod.loaded.tokens.rbegin();
  report.snapshot_number = pod.snapshot_number;
  report.snapshot_unix = pod.snapshot_unix;
  report.snapshot_running = pod.compacting_until != 0;
  report.entries = 1000;
  return report;
}

std::string SimulatedCluster::describe() const {
  std::string text = "t=" + std::to_string(now_) + " ring={";
  for (const int64_t member : ring_) text += std::to_string(member) + " ";
  text += "}" + std::string(changing_ ? " changing" : "") + " epoch=" + std::to_string(epoch_);
  if (objects_.set)
    text += " set=" + std::to_string(objects_.set->replicas) + "/" + objects_.set->pod_template.hash();
  for (const auto& [ordinal, pod] : objects_.pods) {
    text += "\n  pod " + std::to_string(ordinal) + " " + pod.made_from.hash() +
            (pod.started ? " up" : " down") + (pod.ready ? " ready" : "") +
            (pod.kubelet_says_ready ? " k-ready" : "") + (pod.drain ? " drain" : "") +
            (pod.drained ? "ed" : "") + (pod.deletion != 0 ? " terminating" : "") +
            (takes_part(pod) ? "" : " apart") + " copies=";
    const auto volume = volumes_.find(ordinal);
    for (int p = 0; volume != volumes_.end() && p < kPartitions; ++p) {
      const int64_t copy = volume->second.copies[static_cast<size_t>(p)];
      text += copy == newest(p) ? "#" : copy < 0 ? "." : "-";
    }
  }
  return text;
}

}  // namespace ferro::oper::plan::sim
