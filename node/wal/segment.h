// A segment file of the log: its header block and its name. Byte table: docs/formats/wal.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/io/file_system.h"
#include "node/wal/wal.h"

namespace ferro::node::wal {

inline constexpr size_t kSegmentHeaderBytes = 64;
inline constexpr uint16_t kFormatVersion = 1;
// 12 digits in the name; at 16 MiB a segment that is more than any disk will ever have held.
inline constexpr uint64_t kSegmentNumberMax = 999'999'999'999;
// No log gets there; a header that says so is refused before arithmetic on it could wrap around.
inline constexpr Sequence kSequenceMax = uint64_t{1} << 62;

struct SegmentHeader {
  uint64_t number = 0;          // the one in the file's name; rises by one
  uint64_t incarnation = 0;     // random-looking, in every frame of this life of the file
  Sequence first_sequence = 0;  // of the first record, there or still to come
  uint64_t file_bytes = 0;      // what the file was made with; it never grows afterwards
  bool recycled = false;        // unused space holds frames of an earlier life instead of zeros
  bool salvaged = false;        // rewritten by salvage
};

void encode_segment_header(const SegmentHeader& header, std::string& out);

// data_loss if the header does not verify, failed_precondition if a newer program wrote it.
Result<SegmentHeader> decode_segment_header(Bytes bytes);

// "wal-000000000007.log", "free-000000000007.log"
std::string segment_name(uint64_t number);
std::string free_name(uint64_t number);
std::optional<uint64_t> parse_segment_name(std::string_view name);
std::optional<uint64_t> parse_free_name(std::string_view name);

// What a log folder holds, each list in ascending order. Files with other names belong to somebody else.
struct FolderListing {
  std::vector<uint64_t> segments;
  std::vector<uint64_t> free;
  std::vector<std::string> unfinished;  // temporary files of an interrupted creation
};
Result<FolderListing> list_folder(io::FileSystem& fs, const std::string& folder);

inline constexpr std::string_view kTemporarySuffix = ".tmp";

}  // namespace ferro::node::wal
