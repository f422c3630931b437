#include "node/cluster/membership/arrival_window.h"

#include <gtest/gtest.h>

namespace ferro::node::cluster {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kInterval = 500;

// The silence after which phi passes `threshold`, in milliseconds.
int64_t silence_until(const ArrivalWindow& window, int64_t last_ns, double threshold) {
  for (int64_t silence_ms = 0; silence_ms < 120'000; silence_ms += 10) {
    if (window.phi(last_ns + silence_ms * kMs) >= threshold) return silence_ms;
  }
  return -1;
}

TEST(ArrivalWindow, PhiRisesWithSilenceAndStaysInRange) {
  ArrivalWindow window(kInterval, 0);
  double last = 0.0;
  for (int64_t silence_ms = 0; silence_ms <= 200'000; silence_ms += 100) {
    const double phi = window.phi(silence_ms * kMs);
    EXPECT_GE(phi, last);
    EXPECT_LE(phi, ArrivalWindow::kPhiMax);
    last = phi;
  }
  EXPECT_EQ(last, ArrivalWindow::kPhiMax);
}

// -log10 of the upper tail of the normal distribution, from tables: 0.5, 0.02275 and 9.866e-10 at 0, 2 and 6
// standard deviations (two intervals each) beyond the mean (one interval).
TEST(ArrivalWindow, PhiIsTheTailOfTheNormalDistribution) {
  const ArrivalWindow window(kInterval, 0);
  EXPECT_NEAR(window.phi(500 * kMs), 0.30103, 1e-4);
  EXPECT_NEAR(window.phi(2500 * kMs), 1.64301, 1e-4);
  EXPECT_NEAR(window.phi(6500 * kMs), 9.00586, 1e-4);
}

TEST(ArrivalWindow, AQuietNetworkIsNotBelievedToStaySo) {
  ArrivalWindow window(kInterval, 0);
  int64_t now_ns = 0;
  for (int beat = 0; beat < 200; ++beat) window.arrived(now_ns += kInterval * kMs);
  const int64_t silence_ms = silence_until(window, now_ns, 8.0);
  EXPECT_GT(silence_ms, 5000);
  EXPECT_LT(silence_ms, 7000);
}

TEST(ArrivalWindow, AnUnevenRhythmEarnsPatienceButNotTooMuch) {
  ArrivalWindow window(kInterval, 0);
  int64_t now_ns = 0;
  for (int beat = 0; beat < 200; ++beat) window.arrived(now_ns += (beat % 4 == 0 ? 2900 : 100) * kMs);
  const int64_t uneven_ms = silence_until(window, now_ns, 8.0);
  EXPECT_GT(uneven_ms, 7000);
  EXPECT_LT(uneven_ms, 12'000);
}

TEST(ArrivalWindow, AnOutageIsNotPartOfTheRhythm) {
  ArrivalWindow window(kInterval, 0);
  int64_t now_ns = 0;
  for (int beat = 0; beat < 50; ++beat) window.arrived(now_ns += kInterval * kMs);
  window.arrived(now_ns += 600'000 * kMs);
  EXPECT_LT(silence_until(window, now_ns, 8.0), 7000);
}

TEST(ArrivalWindow, AnotherSignOfLifeEndsTheSilenceOnly) {
  ArrivalWindow window(kInterval, 0);
  window.heard(5000 * kMs);
  EXPECT_LT(window.phi(5500 * kMs), 0.5);
  window.arrived(5600 * kMs);  // after ten intervals: no sample
  EXPECT_NEAR(window.phi(8100 * kMs), 1.64301, 1e-4);
}

TEST(ArrivalWindow, OwnSleepIsNobodysSilence) {
  ArrivalWindow window(kInterval, 0);
  window.forgive(60'000 * kMs, 60'300 * kMs);
  EXPECT_LT(window.phi(60'300 * kMs), 0.3);
  window.forgive(60'000 * kMs, 60'300 * kMs);  // never into the future
  EXPECT_NEAR(window.phi(60'800 * kMs), 0.30103, 1e-4);
}

}  // namespace
}  // namespace ferro::node::cluster
