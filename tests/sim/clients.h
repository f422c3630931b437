// Applications: each asks one thing after the other of a node of its choice, and holds what it is told
// against the model.
//
// Owned by the run; one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/catalog.h"
#include "tests/sim/world.h"

namespace ferro::sim {

class Clients {
 public:
  explicit Clients(World& world);

  void start();
  void stop() { stopped_ = true; }  // what is under way goes on
  // So that every kind of entry is there before the first fault.
  void fill(Machine& machine, size_t writes);

  const Catalog& catalog() const noexcept { return catalog_; }
  uint64_t asked() const noexcept { return asked_; }
  uint64_t failures() const noexcept { return failures_; }  // answers that were neither yes nor no
  uint64_t judged() const noexcept { return judged_; }

 private:
  using Then = std::function<void()>;  // the client goes on
  struct Asked {                       // of a request that was answered
    uint32_t number = 0;
    int64_t from_us = 0, to_us = 0;
    bool orderly = false;
  };

  void step(size_t client);
  Machine* choose_machine();
  Machine* another_machine(const Machine& than);
  EntryName random_entry();
  const Written* recent_write();

  // Registers a request, calls `send` on the node's own time; `on_lost` should its node die. The answer calls
  // answered() first and does nothing if that is empty.
  uint32_t ask(Machine& machine, std::string what, int64_t bound_ms, std::function<void(uint32_t)> send,
               std::function<void(uint32_t)> on_lost);
  std::optional<Asked> answered(uint32_t number, const Status& status);

  // --- writes: clients_writes.cc ---
  void insert(Machine& machine, bool named, Then then);
  void insert_batch(Machine& machine, Then then);
  void remove(Machine& machine, Then then);
  void remove_twice(Machine& machine, Then then);
  void drop(Machine& machine, Then then);
  void invalidate(Machine& machine, Then then);
  Deed deed_of(uint32_t number, Act act, const Machine& machine) const;
  void end_deed(uint32_t number, const Status& status, bool sweeping,
                const std::set<std::string>* sweeping_for = nullptr);
  void send_remove(Machine& machine, const EntryName& entry, bool in_namespace,
                   std::function<void(const Asked*, const Status&)> done);

  // --- reads: clients_reads.cc ---
  void lookup(Machine& machine, Then then);
  void find(Machine& machine, Then then);
  void count(Machine& machine, Then then);
  void judge_hits(const Asked& asked, size_t ns, const Written* target, bool must_hit,
                  const node::engine::LookupResult& result);
  void judge_found(const Asked& asked, const EntryName& entry, bool in_namespace,
                   const std::vector<node::store::EntryView>& found);
  void judge(const Asked& asked, const EntryName& entry, uint32_t seen, const char* how);

  World& world_;
  Catalog catalog_;
  fakes::Chance chance_;
  bool stopped_ = false;
  uint64_t asked_ = 0, failures_ = 0, judged_ = 0;
};

}  // namespace ferro::sim
