// Frames that wait to be written, each behind its length, as parts for a gathered write. A value of its link.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>

namespace ferro::node::cluster {

class SendQueue {
 public:
  static constexpr size_t kPartsMax = 64;  // of one write; beyond it a system call more costs little

  void push(std::string frame);
  // What comes next, at most kPartsMax parts; valid until the next call.
  std::span<const std::string_view> parts();
  void written(size_t bytes);

  bool empty() const noexcept { return frames_.empty(); }
  size_t bytes() const noexcept { return bytes_; }

 private:
  struct Waiting {
    std::array<char, 4> header;
    std::string frame;
  };
  std::deque<Waiting> frames_;
  size_t offset_ = 0;  // of the first one, header included: what has been written
  size_t bytes_ = 0;
  std::array<std::string_view, kPartsMax> parts_;
};

}  // namespace ferro::node::cluster
