// Turns a damaged log folder into one that opens strictly, keeping every record that verifies.
//
// Each damaged segment is copied to "<name>.damaged" and then replaced, atomically, by a file that holds its
// verified records and, for what is missing between them, gap frames. Interrupted anywhere, it can be run
// again. An unfinished tail is no damage: recovery cuts it off. Called once, by Wal::open, before recovery.
#pragma once

#include <vector>

#include "common/time/clock.h"
#include "node/wal/wal.h"

namespace ferro::node::wal {

Result<std::vector<Dropped>> salvage_log(io::FileSystem& fs, const Clock& clock, const WalOptions& options,
                                         Sequence after);

}  // namespace ferro::node::wal
