#include "node/metrics/families.h"

#include <prometheus/text_serializer.h>

#include <utility>

namespace ferro::node::metrics {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily& Families::family(const std::string& name, const std::string& help, MetricType type) {
  families_.push_back({name, help, type, {}});
  return families_.back();
}

void Families::add(MetricFamily& family, double value, Labels labels) {
  ClientMetric sample;
  sample.label = std::move(labels);
  if (family.type == MetricType::Counter) {
    sample.counter.value = value;
  } else {
    sample.gauge.value = value;
  }
  family.metric.push_back(std::move(sample));
}

void Families::counter(const std::string& name, const std::string& help, uint64_t value) {
  add(family(name, help, MetricType::Counter), static_cast<double>(value));
}

void Families::gauge(const std::string& name, const std::string& help, double value, Labels labels) {
  add(family(name, help, MetricType::Gauge), value, std::move(labels));
}

void Families::summary(const std::string& name, const std::string& help, uint64_t count, double sum) {
  ClientMetric sample;
  sample.summary.sample_count = count;
  sample.summary.sample_sum = sum;
  family(name, help, MetricType::Summary).metric.push_back(std::move(sample));
}

void Families::histogram(const std::string& name, const std::string& help,
                         const DurationHistogram& histogram) {
  const DurationHistogram::Figures figures = histogram.read();
  ClientMetric sample;
  sample.histogram.sample_count = figures.count;
  sample.histogram.sample_sum = figures.sum_seconds;
  for (size_t i = 0; i < figures.cumulative.size(); ++i) {
    sample.histogram.bucket.push_back({figures.cumulative[i], DurationHistogram::kBoundsSeconds[i]});
  }
  family(name, help, MetricType::Histogram).metric.push_back(std::move(sample));
}

std::string Families::text() const {
  return prometheus::TextSerializer().Serialize(families_);
}

}  // namespace ferro::node::metrics
