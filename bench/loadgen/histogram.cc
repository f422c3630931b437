#include "bench/loadgen/histogram.h"

#include <algorithm>
#include <bit>

namespace ferro::bench::loadgen {

namespace {

// Values below 2^bits have a bucket each; above, the top bits + the next `bits` choose it.
size_t bucket_of(uint64_t value, unsigned bits) {
  const unsigned width = static_cast<unsigned>(std::bit_width(value));
  if (width <= bits + 1) return static_cast<size_t>(value);
  const unsigned shift = width - bits - 1;
  return (static_cast<size_t>(shift) << bits) + static_cast<size_t>(value >> shift);
}

uint64_t upper_edge(size_t bucket, unsigned bits) {
  if (bucket < (size_t{2} << bits)) return bucket;
  const size_t shift = (bucket >> bits) - 1;
  const uint64_t top = (bucket & ((size_t{1} << bits) - 1)) + (uint64_t{1} << bits);
  return ((top + 1) << shift) - 1;
}

}  // namespace

void Histogram::add(int64_t value_ns) noexcept {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(value_ns, 0));
  ++buckets_[bucket_of(value, kStepBits)];
  ++count_;
  sum_ns_ += static_cast<double>(value);
  max_ns_ = std::max(max_ns_, value_ns);
}

int64_t Histogram::quantile_ns(double quantile) const noexcept {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<uint64_t>(quantile * static_cast<double>(count_ - 1)) + 1;
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(static_cast<int64_t>(upper_edge(i, kStepBits)), max_ns_);
  }
  return max_ns_;
}

}  // namespace ferro::bench::loadgen
