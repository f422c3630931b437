// So many bytes a second, with a second's worth in reserve: who has spent more than there is waits until it
// has come in. Pure; on the loop of its owner.
#pragma once

#include <cstdint>

namespace ferro::node::cluster {

class ByteBudget {
 public:
  explicit ByteBudget(uint64_t bytes_per_second);  // 0 = no limit

  void spend(uint64_t bytes, int64_t now_ms);
  // How long to wait before the next piece; 0 = go on.
  int64_t wait_ms(int64_t now_ms);

 private:
  void refill(int64_t now_ms);

  const int64_t per_second_;
  int64_t left_;  // negative: a piece was larger than what there was
  int64_t refilled_ms_ = -1;
};

}  // namespace ferro::node::cluster
