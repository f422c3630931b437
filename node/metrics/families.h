// Building blocks of an exposition: families of samples in prometheus-cpp's form. Private to metrics.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "node/metrics/duration_histogram.h"

namespace ferro::node::metrics {

// Collects families in the order in which they are added. A family is announced (HELP and TYPE) even while it
// has no sample, so that every name can be found in every scrape.
class Families {
 public:
  using Labels = std::vector<prometheus::ClientMetric::Label>;

  void counter(const std::string& name, const std::string& help, uint64_t value);
  void gauge(const std::string& name, const std::string& help, double value, Labels labels = {});
  void histogram(const std::string& name, const std::string& help, const DurationHistogram& histogram);
  // Count and sum alone.
  void summary(const std::string& name, const std::string& help, uint64_t count, double sum);

  // A family to which samples are added one by one.
  prometheus::MetricFamily& family(const std::string& name, const std::string& help,
                                   prometheus::MetricType type);
  static void add(prometheus::MetricFamily& family, double value, Labels labels = {});

  std::string text() const;  // exposition format 0.0.4

 private:
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace ferro::node::metrics
