// The segments of a folder with their headers: what recovery, salvage and the offline tools begin with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "node/wal/segment_reader.h"

namespace ferro::node::wal {

struct SegmentFile {
  uint64_t number = 0;
  std::string path;
  uint64_t file_bytes = 0;
  Result<SegmentHeader> header;  // failed = data_loss, ready to be reported
};

struct LogFiles {
  std::vector<SegmentFile> segments;  // ascending
  // The newest file was cut inside its header, so it holds no record: a torn tail, and not among the
  // segments. A new segment takes its number and, by rename, its place.
  std::optional<uint64_t> cut_number;
  uint64_t cut_bytes = 0;

  bool newest(size_t i) const { return i + 1 == segments.size(); }
  // The first record of the segment after `i`, if there is one and its header verifies.
  std::optional<Sequence> next_first(size_t i) const;
  // If every record of segment `i` stands in a snapshot up to `after`, so that it does not matter whether it
  // verifies: the first record that a later segment is known to hold.
  std::optional<Sequence> covered(size_t i, Sequence after) const;
};

// `numbers` ascending, as list_folder gives them. Fails on I/O errors and on segments of a later format.
Result<LogFiles> open_log_files(io::FileSystem& fs, const std::string& folder,
                                const std::vector<uint64_t>& numbers);

}  // namespace ferro::node::wal
