#include "tests/sim/faults.h"

#include <algorithm>
#include <utility>

namespace ferro::sim {

namespace {

constexpr int64_t kRetryMs = 50;
// A fault that waits for its moment gives up then: a cluster that is not whole by now is another one's fault.
constexpr int64_t kMomentWithinMs = 60'000;
constexpr int64_t kLeaveTimeoutMs = 10'000;
constexpr int64_t kDrainWithinMs = 90'000;
constexpr size_t kMachinesMax = 10;

bool needs_every_copy(Fault fault) {
  return fault == Fault::disk_lost || fault == Fault::remove;
}

}  // namespace

void Faults::start() {
  if (world_.plan.sequential) {
    schedule_next(0);
    return;
  }
  for (size_t i = 0; i < world_.plan.episodes.size(); ++i) {
    world_.timeline.at(0, episode(i).start_ms * 1000, [this, i] { begin(i, 0); });
  }
}

void Faults::schedule_next(size_t index) {
  if (index >= world_.plan.episodes.size()) return;
  world_.timeline.at(0, episode(index).start_ms * 1000, [this, index] { begin(index, 0); });
}

void Faults::begin(size_t index, int64_t waited_ms) {
  const bool waits_for_calm = world_.plan.sequential && !world_.calm.is_calm();
  const bool waits_for_copies =
      needs_every_copy(episode(index).fault) && !world_.why_not_whole(false).empty();
  if (!waits_for_calm && !waits_for_copies && strike(index)) return;
  if ((waits_for_calm || waits_for_copies) && waited_ms < kMomentWithinMs) {
    world_.timeline.at(0, kRetryMs * 1000, [this, index, waited_ms] { begin(index, waited_ms + kRetryMs); });
    return;
  }
  say(index, "skipped");
  ++over_;
  if (world_.plan.sequential) schedule_next(index + 1);
}

bool Faults::strike(size_t index) {
  switch (episode(index).fault) {
    case Fault::lossy:
      return impair(index);
    case Fault::partition:
      return cut(index, true);
    case Fault::one_way:
      return cut(index, false);
    case Fault::reset:
      return reset(index);
    case Fault::kill:
    case Fault::power_cut:
    case Fault::power_cut_torn:
    case Fault::disk_lost:
      return die(index);
    case Fault::disk_full:
    case Fault::disk_failing:
    case Fault::slow_disk:
      return hurt_disk(index);
    case Fault::clock_step:
      return step_clock(index);
    case Fault::suspend:
      return suspend(index);
    case Fault::restart:
      return restart(index);
    case Fault::add:
      return add(index);
    case Fault::drain_cancelled:
      return drain(index, true);
    case Fault::drain:
      return drain(index, false);
    case Fault::remove:
      return remove(index);
  }
  return false;
}

void Faults::end(size_t index) {
  world_.end_fault();
  ++over_;
  if (world_.plan.sequential) schedule_next(index + 1);
}

void Faults::undo_later(size_t index, std::function<void()> undo) {
  say(index, describe(episode(index)));
  world_.timeline.at(0, episode(index).duration_ms * 1000, [this, index, undo = std::move(undo)] {
    undo();
    say(index, "over");
    end(index);
  });
}

void Faults::say(size_t index, const std::string& text) {
  world_.log.fault("fault " + std::to_string(index + 1) + " (" +
                   std::string(to_string(episode(index).fault)) + "): " + text);
}

Machine* Faults::target(size_t index) {
  const auto present = world_.present();
  return present[episode(index).machines.front() % present.size()];
}

Machine* Faults::usable_target(size_t index) {
  Machine* const machine = target(index);
  return machine->is_up() && !machine->busy ? machine : nullptr;
}

void Faults::boot(Machine& machine) {
  const Status status = machine.boot();
  if (!status.ok()) return world_.fail(machine.name() + " does not start again: " + status.to_string());
  world_.note_boot(machine);
}

bool Faults::impair(size_t index) {
  Machine* const machine = target(index);
  world_.begin_fault(false);
  const auto set = [this, machine](const fakes::Path& path) {
    for (const auto& other : world_.machines) {
      if (other.get() == machine) continue;
      for (fakes::Path* way : {&world_.fabric.path(machine->name(), other->name()),
                               &world_.fabric.path(other->name(), machine->name())}) {
        const bool blocked = way->blocked;
        *way = path;
        way->blocked = blocked;
      }
    }
  };
  fakes::Path bad = world_.plan.path;
  bad.latency_us += episode(index).amount / 4;
  bad.jitter_us += episode(index).amount;
  bad.break_chance = 0.03;
  set(bad);
  undo_later(index, [this, set] { set(world_.plan.path); });
  return true;
}

bool Faults::cut(size_t index, bool both_ways) {
  const auto present = world_.present();
  std::vector<Machine*> apart;
  for (const size_t machine : episode(index).machines) {
    Machine* const one = present[machine % present.size()];
    if (std::find(apart.begin(), apart.end(), one) == apart.end()) apart.push_back(one);
  }
  if (apart.size() >= present.size()) return false;
  std::vector<std::pair<Machine*, Machine*>> ways;
  for (Machine* one : apart) {
    for (Machine* other : present) {
      if (std::find(apart.begin(), apart.end(), other) != apart.end()) continue;
      ways.emplace_back(one, other);
      if (both_ways) ways.emplace_back(other, one);
    }
  }
  world_.begin_fault(false);
  for (const auto& [from, to] : ways) world_.block(*from, *to);
  undo_later(index, [this, ways] {
    for (const auto& [from, to] : ways) world_.unblock(*from, *to);
  });
  return true;
}

bool Faults::reset(size_t index) {
  Machine* const machine = target(index);
  world_.begin_fault(false);
  for (Machine* other : world_.present()) {
    if (other != machine) world_.fabric.break_links(machine->name(), other->name());
  }
  undo_later(index, [] {});
  return true;
}

bool Faults::die(size_t index) {
  Machine* const machine = usable_target(index);
  if (machine == nullptr) return false;
  const Fault fault = episode(index).fault;
  world_.begin_fault(false);
  machine->busy = true;
  if (fault == Fault::power_cut) machine->power_cut();
  if (fault == Fault::power_cut_torn) machine->tear(static_cast<uint64_t>(episode(index).amount));
  if (fault == Fault::kill || fault == Fault::disk_lost) machine->kill();
  if (fault == Fault::disk_lost) machine->lose_disk();
  undo_later(index, [this, machine] {
    machine->power_cut();  // if it is still there
    boot(*machine);
    machine->busy = false;
  });
  return true;
}

bool Faults::hurt_disk(size_t index) {
  Machine* const machine = usable_target(index);
  if (machine == nullptr) return false;
  const Episode& planned = episode(index);
  world_.begin_fault(false);
  machine->busy = true;
  if (planned.fault == Fault::slow_disk) {
    machine->slow_disk(planned.amount);
  } else if (planned.fault == Fault::disk_full) {
    machine->limit_disk(static_cast<uint64_t>(planned.amount));
  } else {
    machine->fail_disk(static_cast<uint64_t>(planned.amount), planned.amount % 2 == 0);
  }
  undo_later(index, [this, machine, fault = planned.fault] {
    machine->heal_disk_speed();
    machine->unlimit_disk();
    if (fault == Fault::disk_failing) {  // an operator saw it and started the node anew
      machine->kill();
      boot(*machine);
    }
    machine->busy = false;
  });
  return true;
}

bool Faults::step_clock(size_t index) {
  Machine* const machine = target(index);
  world_.begin_fault(false);
  machine->step_clock(episode(index).amount);
  world_.note_clock(*machine);
  undo_later(index, [this, machine, by_ms = episode(index).amount] {
    machine->step_clock(-by_ms);
    world_.note_clock(*machine);
  });
  return true;
}

bool Faults::suspend(size_t index) {
  Machine* const machine = usable_target(index);
  if (machine == nullptr) return false;
  world_.begin_fault(false);
  machine->busy = true;
  machine->suspend();
  undo_later(index, [this, machine] {
    machine->resume();
    world_.requests.note_resumed(*machine);
    machine->busy = false;
  });
  return true;
}

bool Faults::restart(size_t index) {
  Machine* const machine = usable_target(index);
  if (machine == nullptr) return false;
  world_.begin_fault(true);
  machine->busy = true;
  say(index, describe(episode(index)));
  machine->leave(kLeaveTimeoutMs, [this, index, machine] {
    // What it says is taken at its word: its disk never comes back.
    const bool forgets = world_.plan.lost_after_stop && machine->left_everything();
    say(index, machine->name() + (forgets ? " has gone, and so has its disk" : " has gone"));
    if (forgets) machine->lose_disk();
    world_.timeline.at(0, episode(index).duration_ms * 1000, [this, index, machine] {
      boot(*machine);
      machine->busy = false;
      say(index, "over");
      end(index);
    });
  });
  return true;
}

bool Faults::add(size_t index) {
  if (world_.machines.size() >= kMachinesMax) return false;
  world_.begin_fault(true);
  Machine& machine = world_.add_machine();
  say(index, machine.name() + " joins");
  boot(machine);
  end(index);
  return true;
}

bool Faults::drain(size_t index, bool cancelled) {
  Machine* const machine = usable_target(index);
  const size_t left = world_.present().size() - 1;
  if (machine == nullptr || (!cancelled && left < std::max<size_t>(2, world_.plan.factor))) return false;
  world_.begin_fault(true);
  machine->busy = true;
  machine->node().start_drain(
      [this, index](const Status& status) { say(index, "begun: " + status.to_string()); });
  if (!cancelled) {
    say(index, describe(episode(index)));
    await_drained(index, *machine, kDrainWithinMs);
    return true;
  }
  undo_later(index, [this, index, machine] {
    machine->node().cancel_drain(
        [this, index](const Status& s) { say(index, "cancelled: " + s.to_string()); });
    machine->busy = false;
  });
  return true;
}

void Faults::await_drained(size_t index, Machine& machine, int64_t left_ms) {
  const bool drained = machine.phase() == Machine::Phase::running && machine.node().status().drained;
  if (!drained && left_ms > 0) {
    world_.timeline.at(0, kRetryMs * 1000, [this, index, &machine, left_ms] {
      await_drained(index, machine, left_ms - kRetryMs);
    });
    return;
  }
  if (drained) return replace(index, machine);
  // Something else kept it from handing over: it stays.
  say(index, "not drained: it stays");
  machine.node().cancel_drain([](const Status&) {});
  machine.busy = false;
  end(index);
}

void Faults::replace(size_t index, Machine& machine) {
  say(index, machine.name() + " is drained and leaves for good");
  machine.leave(kLeaveTimeoutMs, [this, index, &machine] {
    machine.retired = true;
    say(index, "over");
    end(index);
  });
}

bool Faults::remove(size_t index) {
  Machine* const machine = usable_target(index);
  const size_t left = world_.present().size() - 1;
  if (machine == nullptr || left < std::max<size_t>(3, world_.plan.factor + 1)) return false;
  world_.begin_fault(false);
  machine->kill();
  machine->retired = true;
  say(index, machine->name() + " is gone for good");
  end(index);
  return true;
}

void Faults::heal() {
  for (const auto& machine : world_.machines) {
    if (machine->retired || machine->clock_offset_ms() == 0) continue;
    machine->step_clock(-machine->clock_offset_ms());
    world_.note_clock(*machine);
  }
}

}  // namespace ferro::sim
