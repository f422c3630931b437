#include "tests/sim/world.h"

#include <algorithm>

namespace ferro::sim {

using node::cluster::ClusterStatus;
using node::cluster::Placement;

namespace {

constexpr int64_t kWatchMs = 250;
// A node's picture of itself is up to a second old: it must look well for longer.
constexpr int kSteadyChecks = 6;
// And that something is to be split it finds in a second or two.
constexpr int kSteadyChecksWithSplits = 14;
constexpr uint32_t kWeight = 64;

node::model::SplitTable splits_of(const ClusterStatus& status) {
  std::vector<node::model::Split> splits;
  for (const auto& split : status.splits) splits.push_back({split.hash, static_cast<unsigned>(split.degree)});
  return node::model::SplitTable(std::move(splits));
}

}  // namespace

World::World(Plan drawn, bool verbose)
    : plan(std::move(drawn)),
      timeline(plan.seed),
      log(timeline, verbose),
      fabric(timeline),
      model(calm),
      requests(timeline) {
  fabric.defaults = plan.path;
  // Copies made after the answer, and reads of any of them.
  if (plan.consistency != node::cluster::WriteConsistency::all) model.set_lag_ms(1000);
  timeline.at(0, kWatchMs * 1000, [this] { watch(); });
}

World::~World() {
  for (const auto& machine : machines) machine->on_gone = nullptr;
}

Machine& World::add_machine() {
  machines.push_back(std::make_unique<Machine>(machines.size(), plan, timeline, fabric, log));
  Machine& machine = *machines.back();
  machine.on_gone = [this, &machine] { requests.lose(machine); };
  machine.requests_open = [this, &machine] { return requests.open_at(machine); };
  note_clock(machine);
  std::vector<std::string> hosts;
  for (const auto& one : machines) hosts.push_back(one->name());
  fabric.set_name("cluster", hosts);
  return machine;
}

std::vector<Machine*> World::present() {
  std::vector<Machine*> present;
  for (const auto& machine : machines) {
    if (!machine->retired) present.push_back(machine.get());
  }
  return present;
}

size_t World::factor() const {
  const auto count = static_cast<size_t>(
      std::count_if(machines.begin(), machines.end(), [](const auto& machine) { return !machine->retired; }));
  return std::min(plan.factor, count);
}

void World::block(const Machine& from, const Machine& to) {
  if (++blocked_[{from.index(), to.index()}] == 1) fabric.block(from.name(), to.name());
}

void World::unblock(const Machine& from, const Machine& to) {
  if (--blocked_[{from.index(), to.index()}] == 0) fabric.block(from.name(), to.name(), false);
}

void World::begin_fault(bool planned) {
  ++faults_active_;
  steady_checks_ = 0;
  // Nobody plans a change into the middle of another one.
  if (planned && calm.is_calm()) {
    calm.change(timeline.now_us());
  } else {
    calm.disturb(timeline.now_us());
  }
}

// A stamp may be as far ahead as any clock ever was.
void World::note_clock(const Machine& machine) {
  clock_ahead_ms_ = std::max(clock_ahead_ms_, machine.clock_offset_ms());
  clock_behind_ms_ = std::min(clock_behind_ms_, machine.clock_offset_ms());
  model.note_clock_difference(clock_ahead_ms_ - clock_behind_ms_);
}

// And so far as a machine that was started anew leaves out, or whoever heard of it.
void World::note_boot(Machine& machine) {
  const int64_t ahead_ms = machine.engine().figures().newest_stamp_ms - machine.loop().clock().wall_ms();
  stamps_left_out_ = stamps_left_out_ || machine.was_started_anew();
  if (!stamps_left_out_) {
    const int64_t most_ms = clock_ahead_ms_ - clock_behind_ms_;
    if (ahead_ms > most_ms) {
      fail(machine.name() + " goes on " + std::to_string(ahead_ms) +
           " ms ahead of its clock; no two clocks differed by more than " + std::to_string(most_ms) + " ms");
    }
  } else if (ahead_ms > 0) {
    const int64_t now_us = timeline.now_us();
    model.note_stamps_ahead(now_us, now_us + (ahead_ms + machine.clock_offset_ms()) * 1000);
  }
}

void World::watch() {
  timeline.at(0, kWatchMs * 1000, [this] { watch(); });
  if (const Request* late = requests.overdue(); late != nullptr) {
    fail("no answer within " + std::to_string(late->bound_ms) + " ms to " + late->what + " (#" +
         std::to_string(late->number) + " through " + late->machine->name() + ")");
  }
  if (calm.is_calm() || !quiet()) return;
  std::string why;
  for (const Machine* machine : present()) {
    if (why.empty()) why = why_not_ready(*machine, present().size());
  }
  if (!why.empty()) {
    steady_checks_ = 0;
    if (log.verbose()) log.say("not whole: " + why);
    return;
  }
  const int wanted = plan.split_entries == 0 ? kSteadyChecks : kSteadyChecksWithSplits;
  if (++steady_checks_ < wanted || !why_copies_differ(false).empty()) return;
  calm.begin(timeline.now_us());
  model.settle(timeline.now_us());
  log.say("-- calm");
}

uint64_t World::ring_instant() {
  uint64_t sum = 1;
  for (const Machine* machine : present()) {
    if (machine->phase() == Machine::Phase::down) continue;
    const ClusterStatus status = machine->node().status();
    if (status.ring_changing) return 0;
    sum += status.ring_epoch;
  }
  return sum;
}

std::string World::why_not_whole(bool copies) {
  for (const Machine* machine : present()) {
    std::string why = why_not_ready(*machine, present().size());
    if (!why.empty()) return why;
  }
  return why_copies_differ(copies);
}

std::string World::why_not_ready(const Machine& machine, size_t count) {
  const std::string& name = machine.name();
  if (!machine.is_up()) return name + " is not up";
  if (!machine.is_idle()) return name + " has writes waiting for its disk";
  if (const Status disk = machine.engine().readiness(); !disk.ok()) return name + ": " + disk.message();
  if (const Status ready = machine.node().readiness(); !ready.ok()) return name + ": " + ready.message();
  const ClusterStatus status = machine.node().status();
  if (status.ring_fingerprint != expected_ring().with(splits_of(status)).fingerprint()) {
    return name + " has ring " + std::to_string(status.ring_epoch) + " of " +
           std::to_string(status.ring_members) + " members, not of those present";
  }
  if (status.ring_changing) return name + " is changing its ring";
  if (status.splits_wanted > 0 && status.splits_held_by.empty()) return name + " wants to split";
  if (status.hints > 0) return name + " keeps " + std::to_string(status.hints) + " hints";
  if (status.nodes.size() != count) {
    return name + " sees " + std::to_string(status.nodes.size()) + " nodes of " + std::to_string(count);
  }
  for (const auto& peer : status.peers) {
    const bool gone = peer.health == "dead" || peer.state == "left";
    if (!gone && (!peer.reachable || peer.health != "alive" || peer.state != "ready")) {
      return name + " sees " + peer.node + " as " + peer.health + ", " + peer.state +
             (peer.reachable ? "" : ", not reachable");
    }
  }
  return "";
}

const Placement& World::expected_ring() {
  std::vector<std::string> names;
  for (const Machine* machine : present()) names.push_back(machine->name());
  const auto known = rings_.find(names);
  if (known != rings_.end()) return known->second;
  std::vector<node::cluster::RingMember> members;
  for (const std::string& name : names) members.push_back({name, kWeight});
  return rings_.emplace(names, Placement::build(std::move(members), plan.factor)).first->second;
}

std::string World::why_copies_differ(bool copies) {
  const Placement& ring = expected_ring();
  const std::vector<Machine*> all = present();
  std::map<std::string, Machine*> by_name;
  for (Machine* machine : all) by_name[machine->name()] = machine;
  const node::model::SplitTable splits = splits_of(all.front()->node().status());
  for (const Machine* machine : all) {
    if (!(splits_of(machine->node().status()) == splits)) return machine->name() + " goes by other splits";
  }
  for (size_t p = 0; p < node::model::kPartitions; ++p) {
    const auto partition = static_cast<uint16_t>(p);
    const auto owners = ring.owners(partition);
    const Machine& first = *by_name.at(ring.id(owners.front()));
    const uint64_t digest = first.engine().store().area_digest({partition, &splits});
    for (const uint16_t owner : owners) {
      const Machine& machine = *by_name.at(ring.id(owner));
      if (machine.engine().store().area_digest({partition, &splits}) != digest) {
        return first.name() + " and " + machine.name() + " differ in partition " + std::to_string(p);
      }
    }
    if (!copies) continue;
    for (const Machine* machine : all) {
      const uint64_t entries = machine->engine().store().area_entries({partition, &splits});
      if (entries > 0 && !ring.owns(machine->name(), partition)) {
        return machine->name() + " still holds " + std::to_string(entries) + " entries of partition " +
               std::to_string(p) + ", which it does not own";
      }
    }
  }
  return "";
}

// Who holds what of that id at this moment.
std::string World::holders(const std::string& id) {
  std::string text;
  for (Machine* machine : present()) {
    text += "  " + machine->name();
    if (machine->phase() == Machine::Phase::down) {
      text += " is down\n";
      continue;
    }
    text += " (" + machine->node().status().state + ") holds";
    for (const auto& view : machine->engine().find(id, false)) {
      text +=
          " " + node::model::printed_name(view.ns) + "=" + view.response + " v" + print_version(view.version);
    }
    text += "\n";
  }
  return text;
}

void World::fail(const std::string& what, const std::optional<EntryName>& entry) {
  if (failed()) return;
  failure_ = "at " + print_time(timeline.now_us()) + ": " + what + "\n";
  if (entry) {
    failure_ += "history of entry " + entry->id + " in namespace " + std::to_string(entry->ns) + ":\n" +
                model.history(*entry) + holders(entry->id);
  }
  log.say("!! " + failure_);
}

}  // namespace ferro::sim
