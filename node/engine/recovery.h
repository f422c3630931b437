// From the data folder to the state in memory: the newest snapshot that verifies, then the log after it.
// docs/architecture.md, "Start"; docs/formats/snapshot.md, "Reading". Runs on the thread that opens the
// engine, before any other exists.
#pragma once

#include "common/base/result.h"
#include "node/engine/core.h"

namespace ferro::node::engine {

struct Recovered {
  uint64_t snapshot_entries = 0;     // of the snapshot that was loaded
  uint64_t replayed_operations = 0;  // of the log
  uint64_t replayed_bytes = 0;
  bool snapshot_due = false;  // something on disk does not verify: write a good snapshot soon
};

// Fills core.snapshots, core.store, core.wal. The rules, in order:
//  - the newest snapshot verifies: it and the log after it;
//  - it does not, but an older one (or an empty store) does and the log reaches from there past the newest:
//  that;
//  - otherwise data_loss says what is damaged and what to do;
//  - unless options.salvage: then all that verifies, each loss a sentence in report.dropped.
Result<Recovered> recover(Core& core, OpenReport& report);

}  // namespace ferro::node::engine
