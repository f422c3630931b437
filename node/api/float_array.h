// Reads JSON arrays of numbers into float32 at a few nanoseconds a value: nine tenths of a request are its
// embedding.
#pragma once

#include <string_view>
#include <vector>

namespace ferro::node::api {

// The bytes behind the text that may be read (never used) by wide loads.
inline constexpr size_t kFloatArrayPadding = 32;

// `text` is one whole JSON array, brackets included, followed by kFloatArrayPadding readable bytes. Appends
// its values to `out` and returns true only if it is strictly valid JSON whose elements are all numbers that
// fit a finite float32, at most `count_max` of them. Otherwise `out` is as before and the caller finds out
// what is wrong. Values are within one unit in the last place of the nearest float32; the same text always
// gives the same value.
bool read_float_array(std::string_view text, size_t count_max, std::vector<float>& out);

// The value of a valid number. False if it is too large for a finite one; too small is zero.
bool read_double(std::string_view number, double& value);
bool read_float(std::string_view number, float& value);

// Is `token` a number by the JSON grammar (RFC 8259 section 6)?
bool is_json_number(std::string_view token) noexcept;
// ... and without fraction and exponent?
bool is_json_integer(std::string_view token) noexcept;

}  // namespace ferro::node::api
