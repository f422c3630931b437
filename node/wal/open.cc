#include <memory>
#include <utility>

#include "common/base/limits.h"
#include "node/wal/recovery.h"
#include "node/wal/salvage.h"
#include "node/wal/segmented_log.h"

namespace ferro::node::wal {

Result<std::unique_ptr<Wal>> Wal::open(io::FileSystem& fs, const Clock& clock, WalOptions options,
                                       Sequence after, const Replay& replay, RecoveryReport& report) {
  if (options.segment_bytes < limits::kWalSegmentBytesMin) {
    return Status::invalid("wal.segment_bytes is below " + std::to_string(limits::kWalSegmentBytesMin));
  }
  report = {};
  FERRO_RETURN_IF_ERROR(fs.create_directories(options.folder));
  if (options.salvage) {
    FERRO_ASSIGN_OR_RETURN(report.dropped, salvage_log(fs, clock, options, after));
  }
  FERRO_ASSIGN_OR_RETURN(const FolderListing listing, list_folder(fs, options.folder));
  FERRO_ASSIGN_OR_RETURN(const RecoveredLog recovered,
                         recover_log(fs, options.folder, listing.segments, after, replay, report));
  auto log = std::make_unique<SegmentedLog>(fs, clock, std::move(options));
  FERRO_RETURN_IF_ERROR(log->start(listing, recovered, after));
  return std::unique_ptr<Wal>(std::move(log));
}

}  // namespace ferro::node::wal
