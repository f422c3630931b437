// A node's loop on a shared timeline. One thread runs everything, `offload`ed work too, which happens a
// random moment later, as if on another thread.
//
// One object a life of the node: ending it drops what waits, as a crash does.
#pragma once

#include "node/cluster/runtime/loop.h"
#include "tests/fakes/timeline.h"

namespace ferro::fakes {

class ManualLoop final : public node::cluster::Loop {
 public:
  // `wall_offset_ms`: how wrong this node's clock is. `booted_us`: when its machine was started, from which
  // its steady clock counts.
  explicit ManualLoop(Timeline& timeline, int64_t wall_offset_ms = 0, int64_t booted_us = 0);
  ~ManualLoop() override { end(); }

  void post(Work work) override { timeline_.at(owner_, 0, std::move(work)); }
  void offload(Work work) override;
  TimerId after(int64_t delay_ms, Work work) override;
  void cancel(TimerId timer) override { timeline_.cancel(timer); }
  uint64_t random() override { return chance_.next(); }
  const Clock& clock() const override { return clock_; }

  // The node died: nothing of it happens any more.
  void end() { timeline_.drop(owner_); }
  // It hangs, as after SIGSTOP.
  void suspend() { timeline_.suspend(owner_); }
  void resume() { timeline_.resume(owner_); }
  void jump_wall_ms(int64_t by_ms) { clock_.offset_ms += by_ms; }

  Timeline& timeline() noexcept { return timeline_; }
  Timeline::Owner owner() const noexcept { return owner_; }

 private:
  static constexpr int64_t kWallStartMs = 1'700'000'000'000;
  static constexpr uint64_t kOffloadDelayUsMax = 300;
  struct VirtualClock final : Clock {
    const Timeline* timeline = nullptr;
    int64_t offset_ms = 0, booted_us = 0;
    int64_t wall_ms() const noexcept override { return kWallStartMs + timeline->now_ms() + offset_ms; }
    int64_t steady_ns() const noexcept override { return (timeline->now_us() - booted_us) * 1000; }
  };

  Timeline& timeline_;
  const Timeline::Owner owner_;
  Chance chance_;
  VirtualClock clock_;
};

}  // namespace ferro::fakes
