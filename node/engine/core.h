// What the parts of the engine share. Made by recovery before any thread starts, gone after all have been
// joined.
//
// Thread rule: each member says who may touch it.
#pragma once

#include <memory>
#include <optional>

#include "common/io/file_system.h"
#include "common/sync/epoch.h"
#include "common/time/clock.h"
#include "common/time/hlc.h"
#include "node/engine/counter_cells.h"
#include "node/engine/engine.h"
#include "node/engine/log_health.h"
#include "node/engine/stamp_reserve.h"
#include "node/engine/write_queue.h"
#include "node/snapshot/snapshot.h"
#include "node/store/store.h"
#include "node/wal/wal.h"

namespace ferro::node::engine {

// What waits for the writer may hold this much memory beside the entries: eight bodies of the largest default
// size.
inline constexpr uint64_t kWaitingBytesMax = 256U << 20;

struct Core {
  Core(EngineOptions engine_options, io::FileSystem& file_system, const Clock& time, uint32_t node)
      : options(std::move(engine_options)),
        fs(file_system),
        clock(time),
        hlc(time, node),
        queue(options.write_queue_max, kWaitingBytesMax) {}

  // Whether writes can be logged, and their stamps be kept from being used again. Writer.
  Status write_health() const {
    const Status log = wal->health();
    return log.ok() ? stamps_trouble : refusal_for(log);
  }
  // Tells readers; after everything that may have stopped writes, before anybody is answered. Writer.
  void publish_log_health() { log_health.set(write_health()); }

  const EngineOptions options;                       // read-only
  DecisionSink* sink = nullptr;                      // set before the first write; then the writer's
  io::FileSystem& fs;                                // thread-safe
  const Clock& clock;                                // thread-safe
  CounterCells counters;                             // thread-safe
  LogHealth log_health;                              // thread-safe
  sync::EpochDomain epochs;                          // pin: any; collect: writer
  HlcClock hlc;                                      // thread-safe
  std::optional<StampReserve> stamps;                // set by open; then the writer's
  Status stamps_trouble;                             // why no stamps can be reserved; writer
  std::unique_ptr<store::Store> store;               // as store.h says
  std::unique_ptr<wal::Wal> wal;                     // writer; stats() any
  std::unique_ptr<snapshot::SnapshotSet> snapshots;  // snapshot thread
  WriteQueue queue;                                  // thread-safe
};

}  // namespace ferro::node::engine
