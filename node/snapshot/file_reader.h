// Reads one snapshot file from front to back, checking everything, in bounded memory: one chunk, or one
// record if that is larger. Used on the thread that calls it; holds nothing between calls.
#pragma once

#include <string>

#include "node/snapshot/format.h"
#include "node/snapshot/snapshot.h"

namespace ferro::node::snapshot {

struct FileFigures {
  FileHeader header;
  uint64_t records = 0;
  uint64_t bytes = 0;
};

// Visits every record. data_loss names the file and the offset of the first thing that does not verify (what
// came before has been visited by then); an error of `visit` comes back as it is.
Result<FileFigures> read_snapshot_file(io::FileSystem& fs, const std::string& path,
                                       const SnapshotSet::Visit& visit);

// The header alone.
Result<FileHeader> read_snapshot_header(io::FileSystem& fs, const std::string& path);

}  // namespace ferro::node::snapshot
