#include "world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

World::World(WorldOptions options) : options_(std::move(options)), random_(options_.seed) {
  for (size_t i = 0; i < options_.nodes; ++i) {
    std::string number = std::to_string(i);
    nodes_.push_back({std::string(options_.id_bytes - number.size(), 'n') + number, nullptr, false, 0, {}});
  }
  for (size_t i = 0; i < options_.nodes; ++i) start(i, 1);
}

void World::start(size_t node, uint64_t generation) {
  MembershipOptions options = options_.membership;
  options.self = id(node);
  options.generation = generation;
  nodes_[node].membership = std::make_unique<Membership>(options, clock_);
  nodes_[node].up = true;
  nodes_[node].last_seen.clear();
  const uint64_t starts = ++nodes_[node].starts;
  const auto phase = static_cast<int64_t>(random() % static_cast<uint64_t>(options.gossip_interval_ms));
  at_ms(phase, [this, node, starts] { round(node, starts); });
}

void World::at_ms(int64_t delay_ms, std::function<void()> what) {
  events_.emplace(now_ms_ + delay_ms, std::move(what));
}

void World::run_ms(int64_t for_ms) {
  const int64_t end_ms = now_ms_ + for_ms;
  while (!events_.empty() && events_.begin()->first <= end_ms) {
    const auto next = events_.begin();
    clock_.advance_ms(next->first - now_ms_);
    now_ms_ = next->first;
    const std::function<void()> what = std::move(next->second);
    events_.erase(next);
    what();
  }
  clock_.advance_ms(end_ms - now_ms_);
  now_ms_ = end_ms;
}

bool World::run_until(const std::function<bool()>& done, int64_t max_ms) {
  for (int64_t left_ms = max_ms; left_ms > 0; left_ms -= options_.membership.gossip_interval_ms) {
    if (done()) return true;
    run_ms(options_.membership.gossip_interval_ms);
  }
  return done();
}

void World::round(size_t node, uint64_t starts) {
  Node& one = nodes_[node];
  if (!one.up || one.starts != starts) return;
  one.membership->beat();
  one.membership->tick();
  count_false_deaths(one);
  for (const NodeId& target : one.membership->choose_targets([this] { return random(); }, options_.targets)) {
    gossip(node, number_of(target));
  }
  if (node != 0 && one.membership->members().size() == 1) gossip(node, 0);  // the seed
  at_ms(options_.membership.gossip_interval_ms, [this, node, starts] { round(node, starts); });
}

void World::count_false_deaths(Node& node) {
  for (const Member& member : node.membership->members()) {
    Liveness& last = node.last_seen[member.id];
    const bool died = member.liveness == Liveness::dead && last != Liveness::dead;
    if (died && nodes_[number_of(member.id)].up && !member.left) ++false_deaths_;
    last = member.liveness;
  }
}

void World::send(size_t from, size_t to, const std::string& bytes,
                 const std::function<void(const std::string&)>& arrive) {
  bytes_sent_ += bytes.size();
  largest_message_ = std::max(largest_message_, bytes.size());
  if (random() % 100 < options_.loss_percent || (is_cut_ && is_cut_(from, to))) return;
  const auto delay_ms = static_cast<int64_t>(1 + random() % static_cast<uint64_t>(options_.delay_max_ms));
  at_ms(delay_ms, [this, to, starts = nodes_[to].starts, bytes, arrive] {
    if (nodes_[to].up && nodes_[to].starts == starts) arrive(bytes);
  });
}

void World::gossip(size_t from, size_t to) {
  send(from, to, encode(at(from).make_syn()), [this, from, to](const std::string& syn_bytes) {
    const Result<GossipSyn> syn = decode<GossipSyn>(syn_bytes);
    ASSERT_TRUE(syn.ok()) << syn.status().to_string();
    send(to, from, encode(at(to).on_syn(id(from), *syn)), [this, from, to](const std::string& ack_bytes) {
      const Result<GossipAck> ack = decode<GossipAck>(ack_bytes);
      ASSERT_TRUE(ack.ok()) << ack.status().to_string();
      send(from, to, encode(at(from).on_ack(*ack)), [this, to](const std::string& ack2_bytes) {
        const Result<GossipAck2> ack2 = decode<GossipAck2>(ack2_bytes);
        ASSERT_TRUE(ack2.ok()) << ack2.status().to_string();
        at(to).on_ack2(*ack2);
      });
    });
  });
}

size_t World::number_of(const std::string& id) const {
  const auto at = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.id == id; });
  return static_cast<size_t>(at - nodes_.begin());
}

bool World::agree() {
  for (size_t node = 0; node < size(); ++node) {
    if (!is_up(node)) continue;
    for (size_t of = 0; of < size(); ++of) {
      if (sees_alive(node, of) != is_up(of)) return false;
      if (!is_up(of)) continue;
      const Member& seen = *view(node, of);
      const Member& real = *view(of, of);
      if (seen.generation != real.generation || seen.values != real.values) return false;
    }
  }
  return true;
}

}  // namespace ferro::node::cluster
