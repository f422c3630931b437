#include "tests/unit/node/cluster/ring/ring_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace ferro::node::cluster {
namespace {

constexpr int64_t kStepMs = 50;
constexpr uint16_t kPartitionsWritten = 8;

}  // namespace

void RingWorld::start(const NodeId& name, uint32_t weight) {
  Node& node = nodes_[name];
  ASSERT_EQ(node.keeper, nullptr);
  RingOptions options;
  options.self = name;
  options.weight = weight;
  options.factor = options_.factor;
  options.re_replicate_after_ms = options_.grace_ms;
  options.seeds = nodes_.size() > 1;
  options.knows_splits = !options_.without_splits.contains(name);
  node.keeper = std::make_unique<RingKeeper>(options, node.disk, now_ms_);
  node.generation += 1;
  node.knows.clear();
  node.knows[name].generation = node.generation;
  // Seeds: everybody there is, by address; what they say is heard when they gossip.
  node.draining = false;
  node.catch_up.reset();
  node.hand_over_ends_ms.reset();
  node.last_epoch = 0;
  node.paused_until_ms = 0;
  node.next_gossip_ms = now_ms_;
}

void RingWorld::crash(const NodeId& name) {
  nodes_.at(name).keeper.reset();
}

void RingWorld::stop_planned(const NodeId& name) {
  Node& node = nodes_.at(name);
  Said& self = node.knows[name];
  self.left = true;
  ++self.heartbeat;
  for (const auto& [other, unused] : nodes_) {
    if (other != name && runs(other) && connected(name, other)) send(other, {{name, self}});
  }
  node.keeper.reset();
}

void RingWorld::wipe(const NodeId& name) {
  nodes_.at(name).disk.reset();
  nodes_.at(name).entries.clear();
}

void RingWorld::pause(const NodeId& name, int64_t for_ms) {
  nodes_.at(name).paused_until_ms = now_ms_ + for_ms;
}

void RingWorld::cut(std::set<NodeId> side) {
  side_ = std::move(side);
}

bool RingWorld::up(const NodeId& name) const {
  const auto found = nodes_.find(name);
  return found != nodes_.end() && found->second.keeper != nullptr;
}

std::vector<NodeId> RingWorld::up_nodes() const {
  std::vector<NodeId> names;
  for (const auto& [name, node] : nodes_) {
    if (node.keeper != nullptr) names.push_back(name);
  }
  return names;
}

std::vector<NodeId> RingWorld::known_nodes() const {
  std::vector<NodeId> names;
  for (const auto& [name, node] : nodes_) names.push_back(name);
  return names;
}

void RingWorld::set_draining(const NodeId& name, bool draining) {
  Node& node = nodes_.at(name);
  if (node.keeper->set_draining(draining).ok()) node.draining = draining;
}

bool RingWorld::runs(const NodeId& name) const {
  const Node& node = nodes_.at(name);
  return node.keeper != nullptr && now_ms_ >= node.paused_until_ms;
}

bool RingWorld::connected(const NodeId& a, const NodeId& b) const {
  return side_.contains(a) == side_.contains(b);
}

void RingWorld::run(int64_t for_ms) {
  for (const int64_t end = now_ms_ + for_ms; now_ms_ < end && !::testing::Test::HasFailure();) step();
}

bool RingWorld::run_until(const std::function<bool()>& condition, int64_t within_ms) {
  for (const int64_t end = now_ms_ + within_ms; now_ms_ < end && !::testing::Test::HasFailure();) {
    if (condition()) return true;
    step();
  }
  return condition();
}

void RingWorld::step() {
  now_ms_ += kStepMs;
  std::set<NodeId> touched;
  while (!on_the_way_.empty() && on_the_way_.top().at_ms <= now_ms_) {
    const Delivery delivery = on_the_way_.top();
    on_the_way_.pop();
    if (!up(delivery.to)) continue;
    if (!runs(delivery.to)) {  // it will read it when it goes on
      on_the_way_.push(
          {nodes_.at(delivery.to).paused_until_ms, ++deliveries_, delivery.to, delivery.content});
      continue;
    }
    merge(nodes_.at(delivery.to), delivery.to, delivery.content);
    touched.insert(delivery.to);
  }
  for (auto& [name, node] : nodes_) {
    if (node.keeper == nullptr || !runs(name)) continue;
    const bool beats = now_ms_ >= node.next_gossip_ms;
    if (beats || touched.contains(name)) update(name, node);
    if (beats) gossip(name, node);
    run_syncer(name, node);
  }
  if (options_.writes) write_somewhere();
}

void RingWorld::gossip(const NodeId& name, Node& node) {
  node.next_gossip_ms = now_ms_ + options_.gossip_ms;
  ++node.knows[name].heartbeat;
  for (int i = 0; i < 2; ++i) {
    auto other = nodes_.begin();
    std::advance(other, static_cast<std::ptrdiff_t>(random_() % nodes_.size()));
    if (other->first != name && other->second.keeper != nullptr && connected(name, other->first)) {
      send(other->first, node.knows);
      if (runs(other->first)) send(name, other->second.knows);
    }
  }
}

void RingWorld::send(const NodeId& to, const Knowledge& content) {
  if (static_cast<double>(random_() % 1000) < options_.loss * 1000) return;
  const auto delay = static_cast<int64_t>(random_() % static_cast<uint64_t>(options_.delay_max_ms));
  on_the_way_.push({now_ms_ + delay, ++deliveries_, to, content});
}

void RingWorld::merge(Node& node, const NodeId& name, const Knowledge& content) {
  for (const auto& [other, said] : content) {
    if (other == name) continue;
    Said& known = node.knows[other];
    if (std::tie(said.generation, said.heartbeat) <= std::tie(known.generation, known.heartbeat)) continue;
    const bool again = known.generation == said.generation;
    known = said;
    known.heard_ms = now_ms_;
    known.proven = again;
  }
}

std::vector<Member> RingWorld::members_of(const Node& node, const NodeId& name) const {
  std::vector<Member> members;
  for (const auto& [other, said] : node.knows) {
    Member member;
    member.id = other;
    member.generation = said.generation;
    member.heartbeat = said.heartbeat;
    member.left = said.left;
    member.values = said.values;
    member.proven = said.proven || other == name;
    if (other != name) {
      const int64_t silent_ms = now_ms_ - said.heard_ms;
      member.liveness = silent_ms >= options_.dead_after_ms        ? Liveness::dead
                        : silent_ms >= options_.suspected_after_ms ? Liveness::suspected
                                                                   : Liveness::alive;
    }
    members.push_back(std::move(member));
  }
  return members;
}

void RingWorld::update(const NodeId& name, Node& node) {
  RingKeeper& keeper = *node.keeper;
  const RingRecord before = keeper.record();
  const auto old_placement = keeper.current();
  Said& self = node.knows[name];
  for (const OwnValue& value : keeper.update(members_of(node, name), now_ms_)) {
    if (value.value.empty()) {
      self.values.erase(value.key);
    } else {
      self.values[value.key] = value.value;
    }
  }
  check(name, node, before, *old_placement);
}

void RingWorld::check(const NodeId& name, Node& node, const RingRecord& before,
                      const Placement& old_placement) {
  const RingKeeper& keeper = *node.keeper;
  if (!keeper.record().members.empty()) node.disk = keeper.record();
  if (node.knows[name].values.contains(std::string(kRingKey))) {
    ASSERT_GE(keeper.epoch(), node.last_epoch) << name << " went back";
    node.last_epoch = keeper.epoch();
  }
  if (keeper.state() == NodeState::ready) {
    ASSERT_TRUE(keeper.complete()) << name;
    ASSERT_FALSE(keeper.current()->partitions_of(name).none()) << name << " is ready and owns nothing";
  }
  if (before.epoch == 0 || keeper.epoch() == before.epoch) return;
  bool first = true;  // the one that publishes it
  for (const auto& [other, peer] : nodes_) {
    if (other != name && peer.last_epoch >= keeper.epoch()) first = false;
  }
  if (!first) return;
  ++ring_changes_;
  // As it sees the others: nobody is left without an owner who had one, and all are synced.
  Attendance attendance;
  attendance.note(members_of(node, name), name, keeper.record(), now_ms_);
  Attendee self;
  self.live = true;
  attendance.set_self(name, self);
  ASSERT_TRUE(keeps_live_owners(old_placement, *keeper.current(), attendance)) << name;
  for (const RingMember& member : keeper.record().members) {
    const Attendee* attendee = attendance.find(member.id);
    if (member.id == name || attendee == nullptr || !attendee->live) continue;
    ASSERT_EQ(attendee->synced, keeper.current()->fingerprint()) << name << " published before " << member.id;
  }
}

void RingWorld::run_syncer(const NodeId& name, Node& node) {
  RingKeeper& keeper = *node.keeper;
  const CatchUp wanted{keeper.current()->fingerprint(), keeper.target()->fingerprint(), 0};
  const bool due = keeper.target_agreed() && (!keeper.in_sync() || !keeper.complete());
  if (!due || (node.catch_up &&
               (node.catch_up->current != wanted.current || node.catch_up->target != wanted.target))) {
    node.catch_up.reset();
  }
  if (due && !node.catch_up) {
    const auto takes = static_cast<int64_t>(random_() % static_cast<uint64_t>(options_.catch_up_max_ms));
    node.catch_up = CatchUp{wanted.current, wanted.target, now_ms_ + takes};
  }
  if (node.catch_up && now_ms_ >= node.catch_up->ends_ms) {
    copy_for(name, node);
    keeper.caught_up(node.catch_up->current, node.catch_up->target);
    node.catch_up.reset();
    update(name, node);
  }
  if (keeper.state() == NodeState::leaving && !keeper.changing() &&
      keeper.current()->partitions_of(name).none()) {
    if (!node.hand_over_ends_ms) node.hand_over_ends_ms = now_ms_ + options_.catch_up_max_ms;
    if (now_ms_ >= *node.hand_over_ends_ms) keeper.handed_over(keeper.current()->fingerprint());
  } else {
    node.hand_over_ends_ms.reset();
  }
}

// The oracle of the data: what a node is asked to write goes to the owners that it knows of, at once.
void RingWorld::write_somewhere() {
  const std::vector<NodeId> names = up_nodes();
  const NodeId& entry = names[random_() % names.size()];
  if (!runs(entry) || nodes_.at(entry).keeper->current()->empty()) return;
  const auto partition = static_cast<uint16_t>(random_() % kPartitionsWritten);
  const uint64_t write = ++writes_;
  const RingKeeper& keeper = *nodes_.at(entry).keeper;
  for (const auto& placement : keeper.write_rings()) {
    for (const uint16_t owner : placement->owners(partition)) {
      const auto found = nodes_.find(placement->id(owner));
      if (found != nodes_.end() && runs(found->first)) found->second.entries[partition].insert(write);
    }
  }
  // Whoever answers for its partitions has all of it.
  for (auto& [name, node] : nodes_) {
    if (node.keeper == nullptr || node.keeper->state() != NodeState::ready) continue;
    if (!node.keeper->current()->owns(name, partition)) continue;
    ASSERT_TRUE(node.entries[partition].contains(write)) << name << " answers without a write\n"
                                                         << describe();
  }
}

void RingWorld::copy_for(const NodeId& name, Node& node) {
  const RingKeeper& keeper = *node.keeper;
  for (uint16_t partition = 0; partition < kPartitionsWritten; ++partition) {
    for (const auto& placement : {keeper.current(), keeper.target()}) {
      for (const uint16_t owner : placement->owners(partition)) {
        const auto found = nodes_.find(placement->id(owner));
        if (found == nodes_.end() || !runs(found->first) || !connected(name, found->first)) continue;
        auto& theirs = found->second.entries[partition];
        auto& mine = node.entries[partition];
        mine.insert(theirs.begin(), theirs.end());
        theirs.insert(mine.begin(), mine.end());
      }
    }
  }
}

bool RingWorld::settled(const std::vector<NodeId>& members) const {
  const RingRecord* ring = nullptr;
  for (const auto& [name, node] : nodes_) {
    if (node.keeper == nullptr) continue;
    const RingKeeper& keeper = *node.keeper;
    if (ring != nullptr && keeper.record() != *ring) return false;
    ring = &keeper.record();
    const bool in = std::find(members.begin(), members.end(), name) != members.end();
    if (keeper.changing() || keeper.state() != (in ? NodeState::ready : NodeState::drained)) return false;
  }
  if (ring == nullptr || ring->members.size() != members.size()) return false;
  return std::equal(members.begin(), members.end(), ring->members.begin(),
                    [](const NodeId& id, const RingMember& member) { return member.id == id; });
}

std::string RingWorld::describe() const {
  std::ostringstream out;
  out << "at " << now_ms_ << " ms\n";
  for (const auto& [name, node] : nodes_) {
    out << "  " << name << ": ";
    if (node.keeper == nullptr) {
      out << "down\n";
      continue;
    }
    const RingKeeper& keeper = *node.keeper;
    out << to_string(keeper.state()) << (keeper.complete() ? "" : " incomplete")
        << (runs(name) ? "" : " paused") << ", ring " << encode_ring(keeper.record()) << ", target of "
        << keeper.target()->members().size() << (keeper.target_agreed() ? " agreed" : "")
        << (keeper.in_sync() ? " synced" : "") << "; " << keeper.reason() << "; " << keeper.pending() << "\n";
  }
  return out.str();
}

}  // namespace ferro::node::cluster
