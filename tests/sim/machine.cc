#include "tests/sim/machine.h"

#include <limits>
#include <utility>

namespace ferro::sim {

namespace {

constexpr const char* kFolder = "/data";
constexpr uint64_t kMemoryBytes = 64U << 20;
constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();
// A process whose disk has died goes on for so long.
constexpr uint64_t kLastGaspUsMax = 2000;
constexpr int64_t kTearWithinMs = 1500;
// Requests that came before SIGTERM are answered before the process ends.
constexpr int64_t kAnswerWithinMs = 30'000;
constexpr int64_t kAnswerPollMs = 10;

}  // namespace

Machine::Life::~Life() {
  // As the timeline forgets the process nothing of it may run; then its parts in reverse.
  if (network) network->stop();
  if (loop) loop->end();
  if (node) node->stop_on_loop();
  if (engine) engine->stop();
  if (loop) loop->end();
}

Machine::Machine(size_t index, const Plan& plan, fakes::Timeline& timeline, fakes::FakeFabric& fabric,
                 EventLog& log)
    : index_(index),
      plan_(plan),
      timeline_(timeline),
      fabric_(fabric),
      log_(log),
      name_("n" + std::to_string(index + 1)),
      chance_(timeline.chance().next()),
      disk_(std::make_unique<tests::fakes::FaultyFileSystem>(chance_.next())),
      clock_offset_ms_(index < plan.clock_offsets_ms.size() ? plan.clock_offsets_ms[index] : 0),
      sync_us_(plan.sync_us) {}

Machine::~Machine() = default;

engine::EngineOptions Machine::engine_options() const {
  engine::EngineOptions options;
  options.data_folder = kFolder;
  options.node_id = name_;
  options.memory_max_bytes = kMemoryBytes;
  options.expire_scan_interval_ms = 1000;
  options.wal_segment_bytes = plan_.wal_segment_bytes;
  options.compact_interval_inserts = plan_.compact_interval_inserts;
  options.manual = true;
  options.tombstone_retention_ms = plan_.tombstone_retention_ms;
  options.boot_id = name_ + "-" + std::to_string(boots_);
  return options;
}

node::cluster::ClusterOptions Machine::cluster_options() const {
  node::cluster::ClusterOptions options;
  options.self = name_;
  options.data_folder = kFolder;
  options.advertised = {name_, kPort};
  options.api_address = name_ + ":3000";
  options.seeds = {{"cluster", kPort}};
  options.replication_factor = plan_.factor;
  options.write_consistency = plan_.consistency;
  options.request_timeout_ms = plan_.request_timeout_ms;
  options.re_replicate_after_ms = plan_.re_replicate_after_ms;
  options.gossip_interval_ms = plan_.gossip_interval_ms;
  options.repair_interval_ms = plan_.repair_interval_ms;
  options.tombstone_retention_ms = plan_.tombstone_retention_ms;
  options.split_entries = plan_.split_entries;
  if (plan_.old_node && index_ == 0 && lives_ == 0) options.protocol_version = 2;
  return options;
}

Result<std::unique_ptr<Machine::Life>> Machine::make_life() {
  auto life = std::make_unique<Life>();
  life->loop = std::make_unique<fakes::ManualLoop>(timeline_, clock_offset_ms_, booted_us_);
  engine::OpenReport report;
  FERRO_ASSIGN_OR_RETURN(auto opened,
                         engine::Engine::open(engine_options(), *disk_, life->loop->clock(), report));
  PumpedEngine::Hooks hooks;
  hooks.delay_us = [this] {
    return sync_us_ / 2 + static_cast<int64_t>(chance_.below(static_cast<uint64_t>(sync_us_)));
  };
  hooks.pumped = [this] { after_pump(); };
  if (log_.verbose()) hooks.say = [this](const std::string& text) { log_.say(name_ + " " + text); };
  life->engine = std::make_unique<PumpedEngine>(std::move(opened), *life->loop, std::move(hooks));
  const node::cluster::Endpoint listening{name_, kPort};
  life->network = std::make_unique<fakes::FakeNetwork>(fabric_, *life->loop, listening);
  FERRO_ASSIGN_OR_RETURN(life->node, node::cluster::ClusterNode::create(cluster_options(), *life->engine,
                                                                        *life->loop, *life->network, *disk_));
  return life;
}

Status Machine::boot() {
  auto life = make_life();
  if (!life.ok()) return life.status();
  life_ = *std::move(life);
  phase_ = Phase::running;
  ++lives_;
  life_->node->start();
  return {};
}

void Machine::end_life() {
  phase_ = Phase::down;
  suspended_ = false;
  if (on_gone) on_gone();
  life_.reset();
}

void Machine::kill() {
  if (!life_) return;
  auto next = disk_->after_kill(chance_.next());
  end_life();
  disk_ = std::move(next);
}

void Machine::power_cut() {
  if (!life_) return;
  auto next = disk_->after_power_cut(chance_.next());
  end_life();
  disk_ = std::move(next);
  ++boots_;
  booted_us_ = timeline_.now_us();
}

void Machine::tear(uint64_t torn_after) {
  disk_->crash_at(disk_->operations() + torn_after);
  timeline_.at(0, kTearWithinMs * 1000, [this, life = lives_] {
    if (lives_ == life) power_cut();
  });
}

void Machine::after_pump() {
  if (!disk_->crashed()) return;
  const auto gasp_us = static_cast<int64_t>(chance_.below(kLastGaspUsMax));
  timeline_.at(0, gasp_us, [this, life = lives_] {
    if (lives_ == life) power_cut();
  });
}

void Machine::leave(int64_t timeout_ms, std::function<void()> gone) {
  phase_ = Phase::leaving;
  life_->node->hand_off(timeout_ms, [this, timeout_ms, gone = std::move(gone)]() mutable {
    // Not on the loop that is about to end.
    timeline_.at(0, 0, [this, life = lives_, timeout_ms, gone = std::move(gone)]() mutable {
      if (lives_ == life && life_) leave_when_answered(timeout_ms, 0, std::move(gone));
    });
  });
}

void Machine::leave_when_answered(int64_t timeout_ms, int64_t waited_ms, std::function<void()> gone) {
  if (requests_open && requests_open() > 0 && waited_ms < kAnswerWithinMs) {
    timeline_.at(0, kAnswerPollMs * 1000, [=, this, life = lives_, gone = std::move(gone)]() mutable {
      if (lives_ == life && life_)
        leave_when_answered(timeout_ms, waited_ms + kAnswerPollMs, std::move(gone));
    });
    return;
  }
  life_->node->leave(timeout_ms, [this, gone = std::move(gone)]() mutable {
    timeline_.at(0, 0, [this, life = lives_, gone = std::move(gone)]() mutable {
      if (lives_ == life && life_) stop(std::move(gone));
    });
  });
}

void Machine::stop(std::function<void()> gone) {
  left_everything_ = life_->node->status().departure.complete;
  life_->node->stop_on_loop();
  life_->engine->stop();
  auto next = disk_->after_kill(chance_.next());
  end_life();
  disk_ = std::move(next);
  gone();
}

void Machine::suspend() {
  suspended_ = true;
  life_->loop->suspend();
}

void Machine::resume() {
  if (!suspended_) return;
  suspended_ = false;
  if (life_) life_->loop->resume();
}

void Machine::step_clock(int64_t by_ms) {
  clock_offset_ms_ += by_ms;
  if (life_) life_->loop->jump_wall_ms(by_ms);
}

void Machine::lose_disk() {
  disk_ = std::make_unique<tests::fakes::FaultyFileSystem>(chance_.next());
}

void Machine::limit_disk(uint64_t bytes_left) {
  const auto free = disk_->free_bytes(kFolder);
  if (!free.ok()) return;
  const uint64_t used = kNoLimit - *free;
  disk_->set_capacity(used + bytes_left);
}

void Machine::unlimit_disk() {
  disk_->set_capacity(kNoLimit);
}

void Machine::fail_disk(uint64_t nth, bool sync) {
  if (sync) {
    disk_->fail_sync(nth);
  } else {
    disk_->fail_write(nth);
  }
}

}  // namespace ferro::sim
