// What must hold once nothing goes wrong any more: the cluster becomes whole in bounded time, every copy is
// where it belongs, and every node gives the answers that the model expects, the same ones.
//
// Owned by the run; one thread. Violations go to World::fail.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/catalog.h"
#include "tests/sim/world.h"

namespace ferro::sim {

class Settled {
 public:
  Settled(World& world, const Catalog& catalog);

  // Nobody asks any more. Virtual milliseconds that it took.
  int64_t await_whole();
  void check_copies();
  void check_answers();

 private:
  // Waits for `done` to be called with a success.
  template <typename T>
  std::optional<T> call(const Machine& machine, const std::string& what,
                        const std::function<void(node::engine::Done<T>)>& send);
  void check_entry(const EntryName& name);
  void check_through(Machine& machine, const EntryName& name);
  std::string lookup_text(Machine& machine, const node::engine::LookupRequest& request);
  void check_parity();
  bool answered_alike(const node::engine::LookupRequest& request);
  std::optional<uint64_t> total_of(Machine& machine);  // the highest if it counts otherwise than it lists
  void check_totals();

  World& world_;
  const Catalog& catalog_;
  fakes::Chance chance_;
};

}  // namespace ferro::sim
