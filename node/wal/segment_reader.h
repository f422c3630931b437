// Reads frames of one segment file through a window, and searches it for frames behind a damaged place.
//
// One thread, one file, opened for reading only. Memory is bounded by the window or by the largest frame that
// fits in the file, whatever its lengths claim. A payload handed out is valid until the next call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "node/wal/frame.h"
#include "node/wal/segment.h"

namespace ferro::node::wal {

// The data_loss of every refused start: file, offset, reason and what to do.
Status damaged(const std::string& path, uint64_t offset, const std::string& reason);

struct Frame {
  FrameHeader header;
  uint64_t offset = 0;
  Bytes payload;
  uint64_t end() const noexcept { return offset + kFrameHeaderBytes + header.payload_bytes; }
};

class SegmentReader {
 public:
  static Result<SegmentReader> open(io::FileSystem& fs, const std::string& folder, uint64_t number);

  uint64_t number() const noexcept { return number_; }
  const std::string& path() const noexcept { return path_; }
  uint64_t file_bytes() const noexcept { return file_bytes_; }
  // Checks that the header belongs to this file's name, too. Errors name the file.
  Result<SegmentHeader> header();

  enum class Found : uint8_t {
    frame,
    no_header,        // no header of this incarnation verifies here
    damaged_payload,  // the header verifies, its payload does not, or is cut off
  };
  // `frame.header` is set unless no_header; `frame.payload` only for frame.
  Result<Found> read(uint64_t offset, uint64_t incarnation, Frame& frame);
  // The first place at or after `from` where a header of this incarnation verifies.
  Result<std::optional<Frame>> find_header(uint64_t from, uint64_t incarnation);
  // The same for a header of whatever incarnation; slower.
  Result<std::optional<Frame>> find_any_header(uint64_t from);
  // One past the last byte at or after `from` that is not zero; `from` if all are.
  Result<uint64_t> data_end(uint64_t from);

 private:
  SegmentReader(std::unique_ptr<io::File> file, std::string path, uint64_t number, uint64_t file_bytes);
  // The bytes [offset, offset + size), fewer at the end of the file.
  Result<Bytes> view(uint64_t offset, uint64_t size);
  // What the window holds from `offset` on if that is at least a header, else a new window.
  Result<Bytes> view_some(uint64_t offset);

  std::unique_ptr<io::File> file_;
  std::string path_;
  uint64_t number_;
  uint64_t file_bytes_;
  std::string window_;
  uint64_t window_offset_ = 0;
};

}  // namespace ferro::node::wal
