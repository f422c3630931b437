#include "node/api/json_write.h"

#include <array>
#include <charconv>
#include <cmath>

#include "common/base/assert.h"
#include "common/base/json_escape.h"

namespace ferro::node::api {
namespace {

constexpr bool needs_escape(unsigned char byte) {
  return byte < 0x20 || byte == '"' || byte == '\\';
}

constexpr std::array<bool, 256> make_escape_table() {
  std::array<bool, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) table[byte] = needs_escape(static_cast<unsigned char>(byte));
  return table;
}
constexpr std::array<bool, 256> kNeedsEscape = make_escape_table();

// Eight bytes at once: does one of them need an escape? The classic "has a byte below n" test (Warren,
// Hacker's Delight 6-1) for < 0x20, and the same after an exclusive or for the two characters.
bool any_needs_escape(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  constexpr uint64_t kHigh = 0x8080808080808080U;
  const auto has_zero = [](uint64_t value) { return (value - kOnes) & ~value & kHigh; };
  const uint64_t below_space = (word - kOnes * 0x20) & ~word & kHigh;
  return (below_space | has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\'))) != 0;
}

size_t plain_run(std::string_view text, size_t from) {
  size_t at = from;
  while (at + sizeof(uint64_t) <= text.size()) {
    uint64_t word = 0;
    __builtin_memcpy(&word, text.data() + at, sizeof word);
    if (any_needs_escape(word)) break;
    at += sizeof word;
  }
  while (at < text.size() && !kNeedsEscape[static_cast<unsigned char>(text[at])]) ++at;
  return at - from;
}

template <typename T>
void append_number(T value, std::string& out) {
  std::array<char, 40> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  FERRO_ASSERT(error == std::errc(), "40 characters hold every number");
  const std::string_view digits(text.data(), static_cast<size_t>(end - text.data()));
  out += digits;
  if constexpr (std::is_floating_point_v<T>) {
    if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  size_t at = 0;
  while (true) {
    const size_t run = plain_run(text, at);
    out.append(text, at, run);
    at += run;
    if (at == text.size()) break;
    append_json_escape(text[at++], out);
  }
  out += '"';
}

void JsonWriter::separate() {
  if (comma_due_) out_ += ',';
  comma_due_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  comma_due_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_due_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(name, out_);
  out_ += ':';
  comma_due_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  separate();
  append_json_string(value, out_);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  return raw(value ? "true" : "false");
}

JsonWriter& JsonWriter::null() {
  return raw("null");
}

JsonWriter& JsonWriter::raw(std::string_view value) {
  separate();
  out_ += value;
  return *this;
}

JsonWriter& JsonWriter::integer(uint64_t value) {
  separate();
  append_number(value, out_);
  return *this;
}

JsonWriter& JsonWriter::integer(int64_t value) {
  separate();
  append_number(value, out_);
  return *this;
}

JsonWriter& JsonWriter::number(float value) {
  FERRO_ASSERT(std::isfinite(value), "JSON has no infinity");
  separate();
  append_number(value, out_);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  FERRO_ASSERT(std::isfinite(value), "JSON has no infinity");
  separate();
  append_number(value, out_);
  return *this;
}

}  // namespace ferro::node::api
