// One run of one seed, from its plan to its verdict.
#pragma once

#include <cstdint>
#include <string>

namespace ferro::sim {

// Done behind the model's back, to prove that it would be noticed.
enum class Sabotage : uint8_t { none, lose_write, revive_delete, swallow_answer };

struct RunOptions {
  uint64_t seed = 1;
  size_t nodes = 0;  // 0 = by the seed
  bool verbose = false;
  Sabotage sabotage = Sabotage::none;
};

struct RunReport {
  std::string failure;  // empty = every invariant held; otherwise all that is needed to replay and understand
  uint64_t trace = 0;   // equal for equal runs
  uint64_t events = 0, requests = 0, unanswered = 0, judged = 0;
  int64_t virtual_ms = 0, healing_ms = 0;
  uint64_t splits = 0;  // namespaces that were split in the end
};

RunReport run_seed(const RunOptions& options);

}  // namespace ferro::sim
