#include "node/cluster/membership/arrival_window.h"

#include <algorithm>
#include <cmath>

namespace ferro::node::cluster {

namespace {

double to_ms(int64_t ns) noexcept {
  return static_cast<double>(ns) / 1e6;
}

}  // namespace

ArrivalWindow::ArrivalWindow(int64_t expected_ms, int64_t now_ns)
    : expected_ms_(static_cast<double>(expected_ms)), last_beat_ns_(now_ns), last_heard_ns_(now_ns) {
  for (size_t i = 0; i < kPriorSamples; ++i) add(expected_ms_);
}

void ArrivalWindow::add(double interval_ms) {
  samples_ms_[next_] = interval_ms;
  next_ = (next_ + 1) % kSamplesMax;
  count_ = std::min(count_ + 1, kSamplesMax);
}

void ArrivalWindow::arrived(int64_t now_ns) {
  const double interval_ms = to_ms(now_ns - last_beat_ns_);
  if (interval_ms <= expected_ms_ * static_cast<double>(kLongestSampleRounds)) add(interval_ms);
  last_beat_ns_ = now_ns;
  heard(now_ns);
}

void ArrivalWindow::heard(int64_t now_ns) {
  last_heard_ns_ = std::max(last_heard_ns_, now_ns);
}

void ArrivalWindow::forgive(int64_t pause_ns, int64_t now_ns) {
  last_beat_ns_ = std::min(last_beat_ns_ + pause_ns, now_ns);
  last_heard_ns_ = std::min(last_heard_ns_ + pause_ns, now_ns);
}

double ArrivalWindow::phi(int64_t now_ns) const {
  double sum = 0.0;
  for (size_t i = 0; i < count_; ++i) sum += samples_ms_[i];
  const double mean = sum / static_cast<double>(count_);
  double squares = 0.0;
  for (size_t i = 0; i < count_; ++i) squares += (samples_ms_[i] - mean) * (samples_ms_[i] - mean);
  const double deviation =
      std::max(std::sqrt(squares / static_cast<double>(count_)), kDeviationMinRounds * expected_ms_);
  const double lateness = (to_ms(now_ns - last_heard_ns_) - mean) / deviation;
  const double chance = 0.5 * std::erfc(lateness / std::sqrt(2.0));
  return chance <= 0.0 ? kPhiMax : std::clamp(-std::log10(chance), 0.0, kPhiMax);
}

}  // namespace ferro::node::cluster
