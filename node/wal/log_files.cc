#include "node/wal/log_files.h"

#include <utility>

namespace ferro::node::wal {

std::optional<Sequence> LogFiles::next_first(size_t i) const {
  if (newest(i) || !segments[i + 1].header.ok()) return std::nullopt;
  return segments[i + 1].header->first_sequence;
}

std::optional<Sequence> LogFiles::covered(size_t i, Sequence after) const {
  for (size_t later = i + 1; later < segments.size(); ++later) {
    if (!segments[later].header.ok()) continue;
    const Sequence first = segments[later].header->first_sequence;
    return first - 1 <= after ? std::optional<Sequence>(first) : std::nullopt;
  }
  return std::nullopt;
}

Result<LogFiles> open_log_files(io::FileSystem& fs, const std::string& folder,
                                const std::vector<uint64_t>& numbers) {
  LogFiles files;
  for (const uint64_t number : numbers) {
    // Opened again when read: a log may have more segments than a process may have open files.
    FERRO_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(fs, folder, number));
    // Headers are synced before the file has its name: only a cut makes a file shorter than that.
    if (reader.file_bytes() < kSegmentHeaderBytes && number == numbers.back()) {
      files.cut_number = number;
      files.cut_bytes = reader.file_bytes();
      break;
    }
    Result<SegmentHeader> header = reader.header();
    if (!header.ok() && header.status().code() != StatusCode::data_loss) return header.status();
    files.segments.push_back({number, reader.path(), reader.file_bytes(), std::move(header)});
  }
  return files;
}

}  // namespace ferro::node::wal
