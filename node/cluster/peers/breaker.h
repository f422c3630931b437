// Whether a peer is worth asking, and how often to look while it is not. A value of its peer, on the loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace ferro::node::cluster {

class Breaker {
 public:
  bool is_open() const noexcept { return open_; }
  // True if that changed it.
  bool open() noexcept {
    if (open_) return false;
    open_ = true;
    probes_ = 0;
    return true;
  }
  bool close() noexcept {
    probes_ = 0;
    return std::exchange(open_, false);
  }
  // When to look again: the interval give or take an eighth, so that not all nodes knock at once; longer the
  // longer it lasts, up to eight intervals.
  int64_t next_probe_ms(int64_t interval_ms, uint64_t random) noexcept {
    const int64_t delay_ms = interval_ms << std::min(kDoublingsMax, probes_++ / kProbesBeforeDoubling);
    return delay_ms - delay_ms / 8 + static_cast<int64_t>(random % (static_cast<uint64_t>(delay_ms) / 4 + 1));
  }

 private:
  static constexpr uint32_t kProbesBeforeDoubling = 8, kDoublingsMax = 3;
  bool open_ = false;
  uint32_t probes_ = 0;
};

}  // namespace ferro::node::cluster
