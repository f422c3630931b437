// Everything of one run: machines, the network between them, the model of what clients did, and whether the
// cluster is whole.
//
// One thread; owned by the run.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/cluster/placement/placement.h"
#include "tests/sim/calm.h"
#include "tests/sim/event_log.h"
#include "tests/sim/machine.h"
#include "tests/sim/model.h"
#include "tests/sim/plan.h"
#include "tests/sim/requests.h"

namespace ferro::sim {

class World {
 public:
  World(Plan plan, bool verbose);
  ~World();

  // --- the machines ---
  Machine& add_machine();
  std::vector<Machine*> present();  // those that are not gone for good
  size_t factor() const;

  // --- the network; a way that is blocked twice must be freed twice ---
  void block(const Machine& from, const Machine& to);
  void unblock(const Machine& from, const Machine& to);

  // --- faults say what they do to order ---
  void begin_fault(bool planned);
  void end_fault() { --faults_active_; }
  bool quiet() const noexcept { return faults_active_ == 0; }
  void note_clock(const Machine& machine);
  void note_boot(Machine& machine);

  // Why not every node answers as well as any other right now; empty if the cluster is whole. `copies`: and
  // no node holds what is not its own.
  std::string why_not_whole(bool copies);
  // The ring that the machines present ought to have formed, but for what is split.
  const node::cluster::Placement& expected_ring();
  // Changes when any node learns of another ring; 0 while one changes.
  uint64_t ring_instant();

  // The first violation counts; later ones follow from it.
  void fail(const std::string& what, const std::optional<EntryName>& entry = std::nullopt);
  bool failed() const noexcept { return !failure_.empty(); }
  const std::string& failure() const noexcept { return failure_; }

  const Plan plan;
  fakes::Timeline timeline;
  EventLog log;
  fakes::FakeFabric fabric;
  std::vector<std::unique_ptr<Machine>> machines;
  Calm calm;
  Model model;
  Requests requests;

 private:
  void watch();
  std::string why_not_ready(const Machine& machine, size_t count);
  std::string why_copies_differ(bool copies);
  std::string holders(const std::string& id);

  int faults_active_ = 0;
  int steady_checks_ = 0;
  int64_t clock_ahead_ms_ = 0, clock_behind_ms_ = 0;
  bool stamps_left_out_ = false;
  std::map<std::pair<size_t, size_t>, int> blocked_;
  std::map<std::vector<std::string>, node::cluster::Placement> rings_;
  std::string failure_;
};

}  // namespace ferro::sim
