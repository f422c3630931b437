#include "node/metrics/families.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
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

namespace {

// The serializer writes a bucket's bound with 17 digits (0.050000000000000003); people and queries say 0.05.
std::string with_short_bounds(std::string_view text) {
  constexpr std::string_view kBound = "le=\"";
  constexpr double kShownMax = 1e12;  // whole digits stay readable, and +Inf stays what it is
  std::string out;
  out.reserve(text.size());
  for (size_t at = text.find(kBound); at != std::string_view::npos; at = text.find(kBound)) {
    const size_t begin = at + kBound.size(), end = text.find('"', begin);
    out += text.substr(0, begin);
    double value = 0;
    std::array<char, 32> digits;
    const std::string_view written = text.substr(begin, end - begin);
    const auto read = std::from_chars(written.data(), written.data() + written.size(), value);
    if (read.ec == std::errc() && read.ptr == written.data() + written.size() &&
        std::abs(value) < kShownMax) {
      const auto done =
          std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed);
      out.append(digits.data(), done.ptr);
    } else {
      out += written;
    }
    text.remove_prefix(std::min(end, text.size()));
  }
  return out.append(text);
}

}  // namespace

std::string Families::text() const {
  return with_short_bounds(prometheus::TextSerializer().Serialize(families_));
}

}  // namespace ferro::node::metrics
