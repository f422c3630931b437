// Plays a plan's episodes: begins each at its time, undoes it at its end, and heals everything at last.
//
// What could destroy the only copy of something (a lost disk, a removed node) strikes only at an instant at
// which every copy is where it belongs; a fault whose machine is in the hands of another is skipped.
//
// Owned by the run; one thread.
#pragma once

#include <functional>
#include <vector>

#include "tests/sim/world.h"

namespace ferro::sim {

class Faults {
 public:
  explicit Faults(World& world) : world_(world) {}

  void start();
  // All episodes are over.
  bool over() const noexcept { return over_ == world_.plan.episodes.size(); }
  // Clocks are right again; what an operator had to do is done.
  void heal();

 private:
  void schedule_next(size_t index);
  void begin(size_t index, int64_t waited_ms);
  bool strike(size_t index);
  void end(size_t index);
  void undo_later(size_t index, std::function<void()> undo);
  void boot(Machine& machine);

  // Each answers whether it could begin; then it ends by itself.
  bool impair(size_t index);
  bool cut(size_t index, bool both_ways);
  bool reset(size_t index);
  bool die(size_t index);
  bool hurt_disk(size_t index);
  bool step_clock(size_t index);
  bool suspend(size_t index);
  bool restart(size_t index);
  bool add(size_t index);
  bool drain(size_t index, bool cancelled);
  void await_drained(size_t index, Machine& machine, int64_t left_ms);
  void replace(size_t index, Machine& machine);
  bool remove(size_t index);

  Machine* target(size_t index);
  Machine* usable_target(size_t index);
  const Episode& episode(size_t index) const { return world_.plan.episodes[index]; }
  void say(size_t index, const std::string& text);

  World& world_;
  size_t over_ = 0;
};

}  // namespace ferro::sim
