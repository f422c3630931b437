// Drives the connections from one thread and collects what happened.
#pragma once

#include <cstdint>

#include "bench/loadgen/histogram.h"
#include "bench/loadgen/options.h"
#include "common/base/result.h"
#include "common/time/clock.h"

namespace ferro::bench::loadgen {

struct Figures {
  Histogram queries, inserts;  // latency in the measured time
  uint64_t answered = 0;       // in the measured time
  uint64_t unexpected = 0;     // 200, but not the hit or miss that the workload should see
  uint64_t errors = 0;         // other statuses and broken connections
  uint64_t late = 0;           // open loop: requests that waited for a free connection
  double seconds = 0.0;
  double preload_seconds = 0.0;
};

// Loads the entries (unless told not to), warms up, measures. Closed loop: each connection sends as soon as
// it has its answer. Open loop: requests fall due at a fixed rate whatever the server does, and a latency
// counts from the moment the request was due, so that a stalled server cannot hide its stall (no coordinated
// omission).
Result<Figures> run(const Options& options, const Clock& clock);

}  // namespace ferro::bench::loadgen
