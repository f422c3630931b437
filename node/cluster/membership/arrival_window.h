// How suspicious a silence is: phi-accrual (Hayashibara et al. 2004) over the times at which one member's
// heartbeat was seen to grow. phi = -log10 of the chance that the next one is only late, if the intervals are
// normally distributed; 8 means one false alarm in 10^8.
//
// Owned by the member's record, on its loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ferro::node::cluster {

class ArrivalWindow {
 public:
  // `expected_ms`: the interval that heartbeats are sent at. Begins as if kPriorSamples had come at it, the
  // last of them now.
  ArrivalWindow(int64_t expected_ms, int64_t now_ns);

  void arrived(int64_t now_ns);
  // A sign of life that is no heartbeat: ends the silence, says nothing about the rhythm.
  void heard(int64_t now_ns);
  // This node itself slept for so long: nobody else was silent.
  void forgive(int64_t pause_ns, int64_t now_ns);
  double phi(int64_t now_ns) const;  // 0..kPhiMax

  static constexpr double kPhiMax = 300.0;  // where the chance leaves the range of a double

 private:
  static constexpr size_t kSamplesMax = 64;  // half a minute at two a second
  static constexpr size_t kPriorSamples = 4;
  // A longer gap is an outage, not the rhythm. It also bounds how long a death takes to notice.
  static constexpr int64_t kLongestSampleRounds = 6;
  // Below twice the interval the spread is not believed: a quiet network would make the window so narrow that
  // one lost message or a busy second were a death. With it phi 8 is reached 12 intervals after the last
  // beat.
  static constexpr double kDeviationMinRounds = 2.0;

  void add(double interval_ms);

  double expected_ms_;
  int64_t last_beat_ns_;   // samples count from here
  int64_t last_heard_ns_;  // silence counts from here
  std::array<double, kSamplesMax> samples_ms_{};
  size_t count_ = 0, next_ = 0;
};

}  // namespace ferro::node::cluster
