// How late frames of a link come, without clocks that agree: by how much longer than the quickest one they
// were under way. What waited in buffers, while the way was cut or this process was stopped, shows itself
// that way.
//
// A value, one a link. Times are milliseconds of steady clocks: the sender's, and this node's.
#pragma once

#include <cstdint>

namespace ferro::node::cluster {

class Transit {
 public:
  // Of a frame that has just come; 0 for the first. `sent_ms` at most kWireTimeMaxMs.
  int64_t late_ms(uint64_t sent_ms, int64_t now_ms) noexcept {
    const int64_t took_ms = now_ms - static_cast<int64_t>(sent_ms);  // and what the clocks differ by
    if (known_) {
      // The clocks part a little with time: what was quickest long ago must not make everything late.
      const int64_t quickest_ms = quickest_ms_ + (now_ms - noted_ms_) / kDriftShare;
      if (took_ms > quickest_ms) return took_ms - quickest_ms;
    }
    known_ = true;
    quickest_ms_ = took_ms;
    noted_ms_ = now_ms;
    return 0;
  }

 private:
  static constexpr int64_t kDriftShare = 2000;  // 500 ppm, ten times that of a poor quartz
  bool known_ = false;
  int64_t quickest_ms_ = 0, noted_ms_ = 0;
};

}  // namespace ferro::node::cluster
