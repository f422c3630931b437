#include "operator/api/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>

namespace ferro::oper::api {
namespace {

__extension__ using Wide = __int128;

constexpr Wide kNano = 1'000'000'000;
constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
constexpr Wide kNanosMax = Wide{kLargest} * kNano;
constexpr size_t kTextBytesMax = 64;  // a longer number is none that anybody means
constexpr int64_t kDurationMax = int64_t{10} * 365 * 86'400;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Status not_a_quantity(std::string_view text) {
  return Status::invalid("\"" + std::string(text.substr(0, kTextBytesMax)) +
                         "\" is no quantity; write a number and a unit, as in 10Gi, 500m or 2");
}

struct Suffix {
  std::string_view text;
  Wide nanos;  // of one unit
};

constexpr Wide kKibi = 1024;
// By https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
constexpr std::array<Suffix, 16> kSuffixes{{
    {"", kNano},
    {"n", 1},
    {"u", 1'000},
    {"m", 1'000'000},
    {"k", kNano * 1'000},
    {"M", kNano * 1'000'000},
    {"G", kNano * 1'000'000'000},
    {"T", kNano * 1'000'000'000'000},
    {"P", kNano * 1'000'000'000'000'000},
    {"E", kNano * 1'000'000'000'000'000'000},
    {"Ki", kNano* kKibi},
    {"Mi", kNano* kKibi* kKibi},
    {"Gi", kNano* kKibi* kKibi* kKibi},
    {"Ti", kNano* kKibi* kKibi* kKibi* kKibi},
    {"Pi", kNano* kKibi* kKibi* kKibi* kKibi* kKibi},
    {"Ei", kNano* kKibi* kKibi* kKibi* kKibi* kKibi* kKibi},
}};

// Digits with at most one point, as an integer and the number of digits behind the point.
struct Mantissa {
  Wide digits = 0;
  int behind_point = 0;
  bool any = false;
  bool too_large = false;
};

Mantissa read_mantissa(std::string_view text, size_t& at) {
  Mantissa result;
  bool point = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(text[at])) break;
    result.any = true;
    if (result.digits > kNanosMax) result.too_large = true;
    if (result.too_large) continue;
    result.digits = result.digits * 10 + (text[at] - '0');
    if (point) ++result.behind_point;
  }
  return result;
}

// "e3", "E-2"; nothing if that is not what it is ("E" alone is exa).
std::optional<int> read_exponent(std::string_view suffix) {
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  const bool plus = suffix[1] == '+';
  const std::string_view digits = suffix.substr(plus ? 2 : 1);
  if (plus && (digits.empty() || !is_digit(digits[0]))) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < -30 || value > 30)
    return std::nullopt;
  return value;
}

// value * 10^exponent, rounded up; nothing beyond kNanosMax.
std::optional<Wide> scaled(Wide value, int exponent) {
  for (; exponent > 0 && value != 0; --exponent) {
    if (value > kNanosMax / 10) return std::nullopt;
    value *= 10;
  }
  bool rest = false;
  for (; exponent < 0 && value != 0; ++exponent) {
    rest = rest || value % 10 != 0;
    value /= 10;
  }
  if (rest) ++value;
  if (value > kNanosMax) return std::nullopt;
  return value;
}

// mantissa * nanos of the unit, without losing digits where the product is too wide.
std::optional<Wide> times_unit(const Mantissa& mantissa, Wide unit) {
  Wide digits = mantissa.digits;
  int exponent = -mantissa.behind_point;
  // Every unit but the binary ones is a power of ten; those have at most nine decimal zeros to give.
  while (exponent < 0 && unit % 10 == 0) {
    unit /= 10;
    ++exponent;
  }
  if (digits != 0 && digits > (Wide{1} << 126) / unit) return std::nullopt;
  return scaled(digits * unit, exponent);
}

}  // namespace

int64_t Quantity::rounded_up() const noexcept {
  const Wide whole = nanos / kNano + (nanos > 0 && nanos % kNano != 0 ? 1 : 0);
  const Wide least = std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(std::clamp<Wide>(whole, least, kLargest));
}

Result<Quantity> parse_exact_quantity(std::string_view text) {
  if (text.empty() || text.size() > kTextBytesMax) return not_a_quantity(text);
  size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
  const Mantissa mantissa = read_mantissa(text, at);
  if (!mantissa.any) return not_a_quantity(text);
  const std::string_view suffix = text.substr(at);
  std::optional<Wide> nanos;
  if (const std::optional<int> exponent = read_exponent(suffix)) {
    if (!mantissa.too_large) nanos = scaled(mantissa.digits, *exponent - mantissa.behind_point + 9);
  } else {
    const auto* const unit = std::find_if(kSuffixes.begin(), kSuffixes.end(),
                                          [&](const Suffix& one) { return one.text == suffix; });
    if (unit == kSuffixes.end()) return not_a_quantity(text);
    if (!mantissa.too_large) nanos = times_unit(mantissa, unit->nanos);
  }
  if (!nanos) return Status::invalid("\"" + std::string(text) + "\" is too large");
  return Quantity{text[0] == '-' ? -*nanos : *nanos};
}

Result<int64_t> parse_quantity(std::string_view text) {
  FERRO_ASSIGN_OR_RETURN(const Quantity quantity, parse_exact_quantity(text));
  return quantity.rounded_up();
}

Result<int64_t> parse_duration_s(std::string_view text) {
  const Status wrong =
      Status::invalid("\"" + std::string(text.substr(0, kTextBytesMax)) +
                      "\" is no duration; write hours, minutes and seconds, as in 720h, 1h30m or 45s");
  constexpr std::array<std::pair<char, int64_t>, 3> kUnits{{{'h', 3600}, {'m', 60}, {'s', 1}}};
  int64_t seconds = 0;
  size_t next_unit = 0;
  if (text.empty()) return wrong;
  while (!text.empty()) {
    int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const auto digits = static_cast<size_t>(end - text.data());
    if (error != std::errc() || !is_digit(text[0]) || digits == text.size()) return wrong;
    while (next_unit < kUnits.size() && kUnits[next_unit].first != text[digits]) ++next_unit;
    if (next_unit == kUnits.size()) return wrong;
    const int64_t unit = kUnits[next_unit++].second;
    if (count > kDurationMax / unit)
      return Status::invalid("\"" + std::string(text) + "\" is longer than ten years");
    seconds += count * unit;
    text.remove_prefix(digits + 1);
  }
  if (seconds > kDurationMax) return Status::invalid("a duration longer than ten years");
  return seconds;
}

std::string duration_text(int64_t seconds) {
  if (seconds <= 0) return "0s";
  std::string text;
  if (seconds >= 3600) text += std::to_string(seconds / 3600) + "h";
  if (seconds % 3600 >= 60) text += std::to_string(seconds % 3600 / 60) + "m";
  if (seconds % 60 != 0) text += std::to_string(seconds % 60) + "s";
  return text;
}

std::string time_text(int64_t unix) {
  using namespace std::chrono;
  const sys_seconds moment{seconds{unix}};
  const sys_days day = floor<days>(moment);
  const year_month_day date{day};
  const hh_mm_ss<seconds> time{moment - day};
  std::array<char, 40> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                    static_cast<int>(time.seconds().count()));
  return {text.data(), static_cast<size_t>(std::clamp(size, 0, static_cast<int>(text.size()) - 1))};
}

namespace {

// Exactly `count` digits at `at`, which moves behind them; -1 otherwise.
int read_digits(std::string_view text, size_t& at, size_t count) {
  if (text.size() < at + count) return -1;
  int value = 0;
  for (size_t end = at + count; at < end; ++at) {
    if (!is_digit(text[at])) return -1;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

bool skip(std::string_view text, size_t& at, std::string_view allowed) {
  if (at >= text.size() || allowed.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

// "Z", "+02:00": seconds east of UTC.
std::optional<int64_t> read_offset(std::string_view text, size_t at) {
  if (text.substr(at) == "Z" || text.substr(at) == "z") return 0;
  if (at >= text.size()) return std::nullopt;
  const bool west = text[at] == '-';
  if (!skip(text, at, "+-")) return std::nullopt;
  const int hours = read_digits(text, at, 2);
  if (hours < 0 || hours > 23 || !skip(text, at, ":")) return std::nullopt;
  const int minutes = read_digits(text, at, 2);
  if (minutes < 0 || minutes > 59 || at != text.size()) return std::nullopt;
  const int64_t seconds = int64_t{hours} * 3600 + minutes * 60;
  return west ? -seconds : seconds;
}

}  // namespace

std::optional<int64_t> parse_time(std::string_view text) {
  using namespace std::chrono;
  if (text.size() > kTextBytesMax) return std::nullopt;
  size_t at = 0;
  std::array<int, 6> parts{};
  constexpr std::array<size_t, 6> kDigits{4, 2, 2, 2, 2, 2};
  constexpr std::array<std::string_view, 6> kBefore{"", "-", "-", "Tt ", ":", ":"};
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && !skip(text, at, kBefore[i])) return std::nullopt;
    parts[i] = read_digits(text, at, kDigits[i]);
    if (parts[i] < 0) return std::nullopt;
  }
  if (skip(text, at, ".")) {
    const size_t first = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == first) return std::nullopt;
  }
  const std::optional<int64_t> offset = read_offset(text, at);
  const year_month_day date{year{parts[0]}, month{static_cast<unsigned>(parts[1])},
                            day{static_cast<unsigned>(parts[2])}};
  if (!offset || !date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 60) return std::nullopt;
  const int64_t days_seconds = int64_t{sys_days{date}.time_since_epoch().count()} * 86'400;
  return days_seconds + parts[3] * 3600 + parts[4] * 60 + parts[5] - *offset;
}

}  // namespace ferro::oper::api
