// Cuts a stream of bytes into frames: a length (u32, little-endian), then that many bytes.
//
// Memory follows what has arrived, not what a length claims. A value of its link.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "common/base/result.h"

namespace ferro::node::cluster {

class FrameBuffer {
 public:
  static constexpr size_t kHeaderBytes = 4;

  // Where the next bytes go; never empty. Ends every view handed out.
  std::span<char> space();
  void filled(size_t bytes) noexcept { end_ += bytes; }
  // The next whole frame, valid until space(); none: more bytes are needed. invalid_argument if it is longer
  // than the limit for the first frame or for all others.
  Result<std::optional<std::string_view>> next();

  size_t capacity() const noexcept { return capacity_; }

 private:
  static constexpr size_t kSpaceBytes = 64U << 10;  // read at once
  static constexpr size_t kKeptBytes = 256U << 10;  // what an idle link may hold

  void reallocate(size_t capacity);

  std::unique_ptr<char[]> data_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  size_t wanted_ = 0;  // of the frame that is not complete, with its header
  bool is_first_ = true;
};

}  // namespace ferro::node::cluster
