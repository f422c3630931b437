#include "tests/sim/run.h"

#include <algorithm>

#include "common/base/limits.h"
#include "tests/fakes/seeded_entropy.h"
#include "tests/sim/clients.h"
#include "tests/sim/faults.h"
#include "tests/sim/settled.h"
#include "tests/sim/world.h"

namespace ferro::sim {

namespace {

constexpr int64_t kFormWithinMs = 30'000;
constexpr int64_t kFaultsWithinMs = 900'000;
constexpr int64_t kAfterFaultsMs = 2000;
constexpr int64_t kSabotageMs = 3000;
constexpr size_t kFirstWrites = 30;

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        entropy_(options.seed),
        world_(make_plan(options.seed, options.nodes), options.verbose),
        clients_(world_),
        faults_(world_),
        settled_(world_, clients_.catalog()) {}

  RunReport play() {
    form();
    if (!world_.failed()) trouble();
    if (!world_.failed()) settle();
    return report();
  }

 private:
  bool run_until(const std::function<bool()>& reached, int64_t limit_ms) {
    return world_.timeline.run_until([&] { return world_.failed() || reached(); }, limit_ms);
  }

  void form() {
    world_.log.say(describe(world_.plan));
    for (size_t i = 0; i < world_.plan.nodes; ++i) {
      Machine& machine = world_.add_machine();
      const auto delay_ms = static_cast<int64_t>(world_.timeline.chance().below(1500));
      world_.timeline.at(0, delay_ms * 1000, [this, &machine] {
        if (const Status status = machine.boot(); !status.ok())
          world_.fail("no start: " + status.to_string());
      });
    }
    if (!run_until([this] { return world_.calm.is_calm(); }, kFormWithinMs)) {
      world_.fail("no cluster has formed: " + world_.why_not_whole(false));
    }
  }

  void trouble() {
    clients_.fill(*world_.machines.front(), kFirstWrites);
    clients_.start();
    run_until([this] { return world_.requests.open() == 0; }, 1000);
    faults_.start();
    if (!run_until([this] { return faults_.over(); }, kFaultsWithinMs)) world_.fail("the faults did not end");
    run_until([] { return false; }, kAfterFaultsMs);
  }

  void settle() {
    faults_.heal();
    clients_.stop();
    healing_ms_ = settled_.await_whole();
    if (options_.sabotage != Sabotage::none) {
      sabotage();
      run_until([] { return false; }, kSabotageMs);
    }
    if (!world_.failed()) settled_.check_copies();
    if (!world_.failed()) settled_.check_answers();
    if (world_.failed()) return;
    // What was deleted must not come back with the next comparisons.
    run_until([] { return false; }, world_.plan.repair_interval_ms + kAfterFaultsMs);
    if (!world_.failed()) settled_.check_copies();
  }

  void sabotage();
  void purge_everywhere(const EntryName& name, const node::model::NamespaceKey& ns);
  void revive(const Written& written);

  RunReport report() {
    RunReport report;
    report.trace = world_.timeline.trace();
    report.events = world_.timeline.events_run();
    report.requests = clients_.asked();
    report.unanswered = clients_.failures();
    report.judged = clients_.judged();
    report.virtual_ms = world_.timeline.now_ms();
    report.healing_ms = healing_ms_;
    for (const Machine* machine : world_.present()) {
      if (!machine->is_up()) continue;
      report.splits = std::max<uint64_t>(report.splits, machine->node().status().splits.size());
    }
    if (!world_.failed()) return report;
    report.failure = describe(world_.plan);
    for (const std::string& fault : world_.log.faults()) report.failure += "  " + fault + "\n";
    report.failure += world_.failure() + "replay: make sim ONLY=" + std::to_string(options_.seed) +
                      (options_.nodes == 0 ? "" : " NODES=" + std::to_string(options_.nodes)) +
                      " VERBOSE=1\n";
    return report;
  }

  const RunOptions options_;
  fakes::SeededEntropy entropy_;
  World world_;
  Clients clients_;
  Faults faults_;
  Settled settled_;
  int64_t healing_ms_ = 0;
};

void Run::sabotage() {
  if (options_.sabotage == Sabotage::none) return;
  const int64_t now_us = world_.timeline.now_us();
  if (options_.sabotage == Sabotage::swallow_answer) {
    Request request;
    request.number = world_.requests.next_number();
    request.machine = world_.machines.front().get();
    request.what = "a request that nobody sent";
    request.invoked_us = now_us;
    request.bound_ms = 1000;
    return world_.requests.begin(std::move(request));
  }
  for (const EntryName& name : world_.model.entries()) {
    const auto& ns = clients_.catalog().namespaces()[name.ns];
    if (options_.sabotage == Sabotage::lose_write) {
      if (world_.model.certain(name, now_us, now_us) != 0) return purge_everywhere(name, ns);
    } else if (world_.model.certainly_absent(name, now_us, now_us)) {
      for (const Written& written : clients_.catalog().all()) {
        if (written.entry == name) return revive(written);
      }
    }
  }
}

void Run::purge_everywhere(const EntryName& name, const node::model::NamespaceKey& ns) {
  for (Machine* machine : world_.present()) {
    for (const auto& view : machine->engine().find(name.id, false)) {
      if (view.ns == ns)
        machine->engine().purge({{ns, name.id, view.version}}, [](const Result<uint64_t>&) {});
    }
  }
}

// As if an owner had never heard of the delete and won over those that had.
void Run::revive(const Written& written) {
  const auto request = clients_.catalog().request_of(written);
  Machine& machine = *world_.present().front();
  node::model::PutOp put;
  put.ns = request.ns;
  put.id = request.id;
  put.vector = request.unit_vector;
  put.response = request.response;
  put.query_text = request.query_text;
  // Later than any stamp that is ahead of the clocks, and still taken.
  put.version.ticks = static_cast<uint64_t>(machine.engine().now_ms() + limits::kClockSkewMaxMs) << 16;
  std::vector<node::model::Operation> operations{put};
  machine.engine().apply_replicated(std::move(operations), [](const Result<uint64_t>&) {});
}

}  // namespace

RunReport run_seed(const RunOptions& options) {
  return Run(options).play();
}

}  // namespace ferro::sim
