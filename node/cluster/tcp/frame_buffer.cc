#include "node/cluster/tcp/frame_buffer.h"

#include <algorithm>
#include <cstring>

#include "common/base/bytes.h"
#include "node/cluster/runtime/network.h"

namespace ferro::node::cluster {

void FrameBuffer::reallocate(size_t capacity) {
  auto data = std::make_unique_for_overwrite<char[]>(capacity);
  if (begin_ != end_) std::memcpy(data.get(), data_.get() + begin_, end_ - begin_);
  data_ = std::move(data);
  capacity_ = capacity;
  end_ -= begin_;
  begin_ = 0;
}

std::span<char> FrameBuffer::space() {
  const size_t held = end_ - begin_;
  if (held == 0) {
    begin_ = end_ = 0;
    if (capacity_ > kKeptBytes && wanted_ == 0) reallocate(kSpaceBytes);
  }
  // A frame that is under way gets room for itself, but at most for as much again as has arrived.
  const size_t room = std::max(kSpaceBytes, wanted_ > held ? std::min(wanted_ - held, held) : 0);
  if (capacity_ - end_ < room) {
    if (capacity_ - held >= room) {
      std::memmove(data_.get(), data_.get() + begin_, held);
      begin_ = 0;
      end_ = held;
    } else {
      reallocate(held + room);
    }
  }
  return {data_.get() + end_, capacity_ - end_};
}

Result<std::optional<std::string_view>> FrameBuffer::next() {
  const std::string_view held(data_.get() + begin_, end_ - begin_);
  if (held.size() < kHeaderBytes) {
    wanted_ = 0;
    return std::optional<std::string_view>();
  }
  const size_t size = ByteReader(as_bytes(held)).u32();
  const size_t size_max = is_first_ ? kFirstFrameBytesMax : kFrameBytesMax;
  if (size > size_max)
    return Status::invalid((is_first_ ? "a first frame of " : "a frame of ") + std::to_string(size) +
                           " bytes, at most " + std::to_string(size_max) + " are read");
  wanted_ = kHeaderBytes + size;
  if (held.size() < wanted_) return std::optional<std::string_view>();
  begin_ += wanted_;
  wanted_ = 0;
  is_first_ = false;
  return std::optional(held.substr(kHeaderBytes, size));
}

}  // namespace ferro::node::cluster
