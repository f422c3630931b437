#include "node/api/float_array.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace ferro::node::api {
namespace {

bool is_digit(char c) {
  return static_cast<unsigned char>(c - '0') <= 9;
}

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

uint64_t load_eight(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// How many of eight characters, from the first on, are digits.
unsigned leading_digits(uint64_t word) {
  constexpr uint64_t kHighNibbles = 0xF0F0F0F0F0F0F0F0U;
  constexpr uint64_t kSix = 0x0606060606060606U;
  constexpr uint64_t kThrees = 0x3030303030303030U;
  // A digit is 0x30..0x39: high nibble 3, and still 3 after adding 6 to the low one. Bytes that carry into
  // their neighbour are no digits themselves, so the first difference is right whatever follows.
  const uint64_t differs = ((word & kHighNibbles) ^ kThrees) | (((word + kSix) & kHighNibbles) ^ kThrees);
  return differs == 0 ? 8U : static_cast<unsigned>(std::countr_zero(differs)) / 8U;
}

// The value of eight digits, first character most significant: pairs, fours, eight (Lemire, "Quickly parsing
// eight digits", 2018).
uint32_t eight_digits(uint64_t word) {
  constexpr uint64_t kMask = 0x000000FF000000FFU;
  constexpr uint64_t kHundreds = 0x000F424000000064U;  // 100 + (1000000 << 32)
  constexpr uint64_t kOnes = 0x0000271000000001U;      // 1 + (10000 << 32)
  word -= 0x3030303030303030U;
  word = (word * 10) + (word >> 8);
  return static_cast<uint32_t>((((word & kMask) * kHundreds) + (((word >> 16) & kMask) * kOnes)) >> 32);
}

constexpr std::array<uint64_t, 9> kPowers = {1,       10,        100,        1000,       10'000,
                                             100'000, 1'000'000, 10'000'000, 100'000'000};
constexpr std::array<double, 17> kNegativePowers = {1e0,   1e-1,  1e-2,  1e-3,  1e-4,  1e-5,
                                                    1e-6,  1e-7,  1e-8,  1e-9,  1e-10, 1e-11,
                                                    1e-12, 1e-13, 1e-14, 1e-15, 1e-16};

// Appends up to eight digits at `at` to `mantissa`; returns how many.
unsigned take_digits(const char* at, uint64_t& mantissa) {
  const uint64_t word = load_eight(at);
  const unsigned count = leading_digits(word);
  if (count == 8) {
    mantissa = mantissa * kPowers[8] + eight_digits(word);
  } else if (count > 0) {
    // Moves the digits to the end of the word and fills the front with '0'.
    const unsigned shift = 64 - 8 * count;
    mantissa =
        mantissa * kPowers[count] + eight_digits((word << shift) | (0x3030303030303030U >> (8 * count)));
  }
  return count;
}

// The power of ten of the first significant digit of a valid number that is not zero, clamped to what an int
// holds.
int decimal_exponent(std::string_view token) {
  constexpr int kClamp = 100'000'000;  // longer than any body
  if (token.starts_with('-')) token.remove_prefix(1);
  const size_t mark = std::min(token.find_first_of("eE"), token.size());
  const std::string_view digits = token.substr(0, mark);
  const size_t point = std::min(digits.find('.'), digits.size());
  const size_t first = std::min(digits.find_first_of("123456789"), digits.size());
  const int position = first < point ? static_cast<int>(point - first) - 1 : -static_cast<int>(first - point);
  std::string_view power = token.substr(std::min(mark + 1, token.size()));
  const bool negative = power.starts_with('-');
  if (negative || power.starts_with('+')) power.remove_prefix(1);
  int exponent = 0;
  for (const char c : power) exponent = std::min(exponent * 10 + (c - '0'), kClamp);
  return position + (negative ? -exponent : exponent);
}

// Any number by the book: grammar first, then a correctly rounded conversion.
const char* read_any_number(const char* at, const char* end, float& value) {
  const char* stop = at;
  while (stop != end && *stop != ',' && *stop != ']' && !is_space(*stop)) ++stop;
  const std::string_view token(at, static_cast<size_t>(stop - at));
  return is_json_number(token) && read_float(token, value) ? stop : nullptr;
}

// The common shape -?d.ddd: one leading digit, then up to sixteen that count; further ones cannot change a
// float32 once enough are significant. Everything else takes the long way.
const char* read_number(const char* at, const char* end, float& value) {
  const char* digits = at + (*at == '-' ? 1 : 0);
  if (!is_digit(digits[0]) || digits[1] != '.') return read_any_number(at, end, value);
  auto mantissa = static_cast<uint64_t>(digits[0] - '0');
  const char* next = digits + 2;
  unsigned scale = take_digits(next, mantissa);
  next += scale;
  if (scale == 8) {
    const unsigned more = take_digits(next, mantissa);
    scale += more;
    next += more;
  }
  if (scale == 0) return nullptr;
  if (scale == 16) {
    constexpr uint64_t kEnoughDigits = 10'000'000'000;  // the rest is below 1e-10 of the value
    if (is_digit(*next) && mantissa < kEnoughDigits) return read_any_number(at, end, value);
    while (is_digit(*next)) ++next;
  }
  if (*next == 'e' || *next == 'E') return read_any_number(at, end, value);
  const double wide = static_cast<double>(mantissa) * kNegativePowers[scale];
  value = static_cast<float>(*at == '-' ? -wide : wide);
  return next;
}

const char* skip_space(const char* at) {
  while (is_space(*at)) ++at;
  return at;
}

}  // namespace

bool read_float_array(std::string_view text, size_t count_max, std::vector<float>& out) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return false;
  const size_t before = out.size();
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size();
  size_t count = 0;
  out.resize(before + std::min(count_max, text.size() / 2));
  while (count < count_max) {
    // The closing bracket of `text` stops every scan: it is neither a digit nor white space.
    const char* next = read_number(skip_space(at), end, out[before + count]);
    if (next == nullptr || next >= end) break;
    ++count;
    next = skip_space(next);
    if (*next == ',') {
      at = next + 1;
      continue;
    }
    if (*next != ']' || next + 1 != end) break;
    out.resize(before + count);
    return true;
  }
  out.resize(before);
  return false;
}

bool read_double(std::string_view number, double& value) {
  if (std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc()) {
    return std::isfinite(value);
  }
  value = 0.0;
  return decimal_exponent(number) < 0;
}

bool read_float(std::string_view number, float& value) {
  double wide = 0.0;
  if (!read_double(number, wide)) return false;
  value = static_cast<float>(wide);
  return std::isfinite(value);
}

bool is_json_integer(std::string_view token) noexcept {
  if (token.starts_with('-')) token.remove_prefix(1);
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return false;
  for (const char c : token) {
    if (!is_digit(c)) return false;
  }
  return true;
}

bool is_json_number(std::string_view token) noexcept {
  const size_t whole = std::min(token.find_first_of(".eE"), token.size());
  if (!is_json_integer(token.substr(0, whole))) return false;
  token.remove_prefix(whole);
  const auto take = [&token] {
    size_t count = 0;
    while (count < token.size() && is_digit(token[count])) ++count;
    token.remove_prefix(count);
    return count > 0;
  };
  if (token.starts_with('.')) {
    token.remove_prefix(1);
    if (!take()) return false;
  }
  if (token.starts_with('e') || token.starts_with('E')) {
    token.remove_prefix(1);
    if (token.starts_with('+') || token.starts_with('-')) token.remove_prefix(1);
    if (!take()) return false;
  }
  return token.empty();
}

}  // namespace ferro::node::api
