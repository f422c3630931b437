// One machine of the simulated cluster: a disk that survives its processes, a clock that may be wrong, a host
// name, and at most one running process of the node.
//
// Owned by the world; one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/cluster/core/cluster_node.h"
#include "tests/fakes/fake_network.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/fakes/manual_loop.h"
#include "tests/sim/event_log.h"
#include "tests/sim/plan.h"
#include "tests/sim/pumped_engine.h"

namespace ferro::sim {

class Machine {
 public:
  enum class Phase : uint8_t { down, running, leaving };
  static constexpr uint16_t kPort = 7946;

  Machine(size_t index, const Plan& plan, fakes::Timeline& timeline, fakes::FakeFabric& fabric,
          EventLog& log);
  ~Machine();

  // --- processes ---
  Status boot();
  // kill -9: what was written is there for the next process.
  void kill();
  // What was not synced may be lost. `torn_after` > 0: in the middle of the disk operation that comes as the
  // so manieth, or soon if none does; the process goes on for a moment after its disk is gone.
  void power_cut();
  void tear(uint64_t torn_after);
  // SIGTERM; `gone` once the process has ended.
  void leave(int64_t timeout_ms, std::function<void()> gone);
  void suspend();
  void resume();

  // --- faults of a running machine ---
  void step_clock(int64_t by_ms);
  void lose_disk();  // while down
  void limit_disk(uint64_t bytes_left);
  void unlimit_disk();
  void fail_disk(uint64_t nth, bool sync);
  void slow_disk(int64_t sync_us) { sync_us_ = sync_us; }
  void heal_disk_speed() { sync_us_ = plan_.sync_us; }

  // --- what others see ---
  Phase phase() const noexcept { return phase_; }
  bool is_up() const noexcept { return phase_ == Phase::running && !suspended_; }
  bool is_suspended() const noexcept { return suspended_; }
  bool is_idle() const { return !life_ || life_->engine->is_idle(); }
  // A load balancer would send it requests.
  bool takes_requests() const { return phase_ == Phase::running && life_->node->readiness().ok(); }
  node::cluster::ClusterNode& node() { return *life_->node; }
  const node::cluster::ClusterNode& node() const { return *life_->node; }
  PumpedEngine& engine() { return *life_->engine; }
  const PumpedEngine& engine() const { return *life_->engine; }
  fakes::ManualLoop& loop() { return *life_->loop; }
  const std::string& name() const noexcept { return name_; }
  size_t index() const noexcept { return index_; }
  int64_t clock_offset_ms() const noexcept { return clock_offset_ms_; }
  // Started anew at once the machine cannot know whether its clock was set back: its stamps may be ahead.
  bool was_started_anew() const noexcept { return boots_ > 0; }
  uint64_t lives() const noexcept { return lives_; }
  // When it last left in good order it said that others hold whatever it held.
  bool left_everything() const noexcept { return left_everything_; }

  // Told after a process has ended, however it did.
  std::function<void()> on_gone;
  // Requests that the process has not answered, asked before a process in good order ends.
  std::function<size_t()> requests_open;

  bool retired = false;  // never comes back
  bool busy = false;     // a fault has its life in hand

 private:
  struct Life {
    std::unique_ptr<fakes::ManualLoop> loop;
    std::unique_ptr<fakes::FakeNetwork> network;
    std::unique_ptr<PumpedEngine> engine;
    std::unique_ptr<node::cluster::ClusterNode> node;
    ~Life();
  };

  engine::EngineOptions engine_options() const;
  node::cluster::ClusterOptions cluster_options() const;
  Result<std::unique_ptr<Life>> make_life();
  void end_life();
  void leave_when_answered(int64_t timeout_ms, int64_t waited_ms, std::function<void()> gone);
  void stop(std::function<void()> gone);
  void after_pump();

  const size_t index_;
  const Plan& plan_;
  fakes::Timeline& timeline_;
  fakes::FakeFabric& fabric_;
  EventLog& log_;
  const std::string name_;
  fakes::Chance chance_;
  std::unique_ptr<tests::fakes::FaultyFileSystem> disk_;
  std::unique_ptr<Life> life_;
  Phase phase_ = Phase::down;
  bool suspended_ = false, left_everything_ = false;
  int64_t clock_offset_ms_ = 0;
  int64_t sync_us_ = 0;
  uint64_t lives_ = 0, boots_ = 0;
  int64_t booted_us_ = 0;
};

}  // namespace ferro::sim
