#include "node/wal/segment_file.h"

#include <algorithm>
#include <string>

namespace ferro::node::wal {
namespace {
constexpr uint64_t kPieceBytes = uint64_t{1} << 20;
}  // namespace

Status write_zeros(io::File& file, uint64_t from, uint64_t to) {
  if (from >= to) return {};
  const std::string zeros(static_cast<size_t>(std::min(kPieceBytes, to - from)), '\0');
  while (from < to) {
    const uint64_t size = std::min<uint64_t>(zeros.size(), to - from);
    FERRO_RETURN_IF_ERROR(file.write_at(from, as_bytes(zeros).first(static_cast<size_t>(size))));
    from += size;
  }
  return {};
}

Status write_again(io::File& file, uint64_t from, uint64_t to) {
  std::string piece;
  while (from < to) {
    FERRO_RETURN_IF_ERROR(file.read_at(from, static_cast<size_t>(std::min(kPieceBytes, to - from)), piece));
    if (piece.empty()) return Status::io_error("the segment shrank while it was repaired");
    FERRO_RETURN_IF_ERROR(file.write_at(from, as_bytes(piece)));
    from += piece.size();
  }
  return {};
}

}  // namespace ferro::node::wal
