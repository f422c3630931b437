// The engine's running counts; any thread may add and read.
#pragma once

#include <atomic>

#include "node/engine/engine.h"

namespace ferro::node::engine {

struct CounterCells {
  std::atomic<uint64_t> queries{0}, hits{0}, exact_match_hits{0};
  std::atomic<uint64_t> inserts{0}, compactions{0}, evictions{0}, expirations{0}, deletions{0},
      invalidations{0}, cost_saved_nano{0};

  Counters read() const {
    Counters out;
    // Hits first: a lookup counts its query before its hit, so misses never come out negative.
    out.exact_match_hits = exact_match_hits;
    out.cost_saved_nano = cost_saved_nano;
    out.hits = hits;
    out.queries = queries;
    out.misses = out.queries - out.hits;
    out.inserts = inserts;
    out.compactions = compactions;
    out.evictions = evictions;
    out.expirations = expirations;
    out.deletions = deletions;
    out.invalidations = invalidations;
    return out;
  }
};

// One query of a client and the hit it was answered with; null = a miss.
inline void count_query(CounterCells& counters, const store::Hit* best) {
  ++counters.queries;
  if (best == nullptr) return;
  ++counters.hits;
  if (best->exact_match) ++counters.exact_match_hits;
  counters.cost_saved_nano += store::cost_saved_nano(best->cost);
}

}  // namespace ferro::node::engine
