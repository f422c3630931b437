#include "node/cluster/tcp/send_queue.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"

namespace ferro::node::cluster {

void SendQueue::push(std::string frame) {
  std::string length;
  ByteWriter(length).u32(static_cast<uint32_t>(frame.size()));
  Waiting& waiting = frames_.emplace_back();
  std::copy(length.begin(), length.end(), waiting.header.begin());
  waiting.frame = std::move(frame);
  bytes_ += waiting.header.size() + waiting.frame.size();
}

std::span<const std::string_view> SendQueue::parts() {
  size_t count = 0, skipped = offset_;
  const auto add = [&](std::string_view part) {
    const size_t skip = std::min(skipped, part.size());
    skipped -= skip;
    if (part.size() > skip) parts_[count++] = part.substr(skip);
  };
  for (const Waiting& waiting : frames_) {
    if (count + 2 > kPartsMax) break;
    add({waiting.header.data(), waiting.header.size()});
    add(waiting.frame);
  }
  return {parts_.data(), count};
}

void SendQueue::written(size_t bytes) {
  bytes_ -= bytes;
  offset_ += bytes;
  while (!frames_.empty()) {
    const size_t size = frames_.front().header.size() + frames_.front().frame.size();
    if (offset_ < size) return;
    offset_ -= size;
    frames_.pop_front();
  }
}

}  // namespace ferro::node::cluster
