// The thread that all of the cluster's logic runs on, as a seam: production has an io_context on a thread of
// its own (node/cluster/tcp), the simulator one virtual timeline for many nodes.
//
// Everything of node/cluster is owned by its loop and touched on it alone, unless a header says otherwise.
#pragma once

#include <cstdint>
#include <functional>

#include "common/time/clock.h"

namespace ferro::node::cluster {

class Loop {
 public:
  using Work = std::function<void()>;
  using TimerId = uint64_t;  // never 0, never used twice

  virtual ~Loop() = default;

  // Any thread: runs `work` on the loop, in the order of posting. Dropped, not run, once the loop has ended.
  virtual void post(Work work) = 0;
  // Any thread: runs `work` away from the loop, on one of a few worker threads that do nothing else (a
  // peer's query, a scan): it must not touch what the loop owns, and posts its result back.
  virtual void offload(Work work) = 0;

  // --- on the loop ---
  virtual TimerId after(int64_t delay_ms, Work work) = 0;
  virtual void cancel(TimerId timer) = 0;  // nothing if it has run
  // For jitter and choice of peers; the simulator's is seeded.
  virtual uint64_t random() = 0;

  virtual const Clock& clock() const = 0;  // any thread
};

}  // namespace ferro::node::cluster
