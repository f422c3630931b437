// What was received and not yet consumed, in one piece.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace ferro::node::http {

class InputBuffer {
 public:
  std::string_view view() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }

  void consume(size_t bytes) noexcept {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() noexcept { begin_ = end_ = 0; }

  // Room behind the data, at least one byte: moves the data forward, then grows by doubling from
  // kReadBufferBytes. What it may grow to follows from its user: RequestReader refuses a header block that is
  // too long.
  std::span<char> room();
  void commit(size_t bytes) noexcept { end_ += bytes; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t begin_ = 0, end_ = 0, capacity_ = 0;
};

}  // namespace ferro::node::http
