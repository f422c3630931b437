#include "node/http/input_buffer.h"

#include <cstring>

#include "common/base/limits.h"

namespace ferro::node::http {

std::span<char> InputBuffer::room() {
  // A buffer that a long header block has grown does not stay with an idle connection.
  if (empty() && capacity_ > limits::kReadBufferBytes) {
    bytes_.reset();
    capacity_ = 0;
  }
  if (begin_ > 0 && capacity_ - end_ < capacity_ / 2) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == capacity_) {
    const size_t capacity = capacity_ == 0 ? limits::kReadBufferBytes : 2 * capacity_;
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (end_ > 0) std::memcpy(bytes.get(), bytes_.get(), end_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

}  // namespace ferro::node::http
