// Quantities, durations and times as Kubernetes writes them. Pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ferro::oper::api {

// A resource.Quantity, exact to a billionth (its own finest unit); finer digits are rounded up, as the API
// server does. Two texts of the same amount ("1Gi", "1024Mi") are equal.
struct Quantity {
  __extension__ __int128 nanos = 0;

  // Whole units, rounded up; clamped to the range of int64.
  int64_t rounded_up() const noexcept;
  friend bool operator==(const Quantity&, const Quantity&) = default;
  friend auto operator<=>(const Quantity&, const Quantity&) = default;
};

// "10Gi", "500m", "1e3", "0.5". invalid_argument for anything else, and beyond 2^63 units.
Result<Quantity> parse_exact_quantity(std::string_view text);
// The same in whole units (bytes, cores, ...), rounded up.
Result<int64_t> parse_quantity(std::string_view text);

// "720h", "1h30m", "45s": seconds. Only hours, minutes and seconds, whole, each at most once and in this
// order (what the schema's pattern allows); at most ten years.
Result<int64_t> parse_duration_s(std::string_view text);
// "1h30m" of 5400: hours, minutes, seconds, the zero ones left out; "0s" of 0.
std::string duration_text(int64_t seconds);

// RFC 3339 in UTC, whole seconds: "2026-07-01T03:00:00Z".
std::string time_text(int64_t unix);
// Fractions of a second are dropped, offsets ("+02:00") honoured; nothing for what is no time.
std::optional<int64_t> parse_time(std::string_view text);

}  // namespace ferro::oper::api
