#include "bench/loadgen/report.h"

#include <cstdio>

namespace ferro::bench::loadgen {

namespace {

std::string latency(const Histogram& histogram) {
  char text[320];
  std::snprintf(
      text, sizeof text,
      R"({"count":%llu,"mean_us":%.1f,"p50_us":%.1f,"p90_us":%.1f,"p99_us":%.1f,"p999_us":%.1f,"max_us":%.1f})",
      static_cast<unsigned long long>(histogram.count()), histogram.mean_ns() / 1e3,
      static_cast<double>(histogram.quantile_ns(0.5)) / 1e3,
      static_cast<double>(histogram.quantile_ns(0.9)) / 1e3,
      static_cast<double>(histogram.quantile_ns(0.99)) / 1e3,
      static_cast<double>(histogram.quantile_ns(0.999)) / 1e3, static_cast<double>(histogram.max_ns()) / 1e3);
  return text;
}

}  // namespace

std::string to_json(const Options& options, const Figures& figures) {
  char text[512];
  std::snprintf(
      text, sizeof text,
      R"({"mode":"%s","rate":%.0f,"connections":%zu,"seconds":%.2f,"answered":%llu,"per_second":%.0f,)"
      R"("unexpected":%llu,"errors":%llu,"late":%llu,"preload_seconds":%.2f,)",
      options.rate > 0 ? "open" : "closed", options.rate, options.connections, figures.seconds,
      static_cast<unsigned long long>(figures.answered),
      static_cast<double>(figures.answered) / figures.seconds,
      static_cast<unsigned long long>(figures.unexpected), static_cast<unsigned long long>(figures.errors),
      static_cast<unsigned long long>(figures.late), figures.preload_seconds);
  return std::string(text) + "\"query\":" + latency(figures.queries) +
         ",\"insert\":" + latency(figures.inserts) + "}";
}

}  // namespace ferro::bench::loadgen
