#include "node/model/text.h"

#include <simdjson.h>
#include <utf8proc.h>
#include <xxhash.h>

#include <array>

namespace ferro::node::model {

namespace {

constexpr bool is_ascii_space(uint8_t byte) noexcept {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

// Length in bytes of the code point at the start of `rest`, written to `code_point`. A byte that starts none
// (only in input that breaks the contract) stands for itself, so a walk always advances.
size_t next_code_point(std::string_view rest, int32_t& code_point) noexcept {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(rest.data());
  const utf8proc_ssize_t length =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(rest.size()), &code_point);
  if (length > 0) return static_cast<size_t>(length);
  code_point = -1;
  return 1;
}

void append_folded(int32_t code_point, std::string& out) {
  // The longest full folding has three code points.
  std::array<utf8proc_int32_t, 8> folded{};
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      code_point, folded.data(), static_cast<utf8proc_ssize_t>(folded.size()), UTF8PROC_CASEFOLD, &boundary);
  for (utf8proc_ssize_t i = 0; i < count && i < static_cast<utf8proc_ssize_t>(folded.size()); ++i) {
    std::array<utf8proc_uint8_t, 4> utf8{};
    const utf8proc_ssize_t length = utf8proc_encode_char(folded[static_cast<size_t>(i)], utf8.data());
    out.append(reinterpret_cast<const char*>(utf8.data()), static_cast<size_t>(length));
  }
}

}  // namespace

bool is_white_space(int32_t code_point) noexcept {
  if (code_point < 0x80) return code_point >= 0 && is_ascii_space(static_cast<uint8_t>(code_point));
  return code_point == 0x85 || code_point == 0xA0 || code_point == 0x1680 ||
         (code_point >= 0x2000 && code_point <= 0x200A) || code_point == 0x2028 || code_point == 0x2029 ||
         code_point == 0x202F || code_point == 0x205F || code_point == 0x3000;
}

void normalise_text(std::string_view text, std::string& out) {
  out.clear();
  bool space_owed = false;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    int32_t code_point = byte;
    const size_t length = byte < 0x80 ? 1 : next_code_point(text.substr(at), code_point);
    if (is_white_space(code_point)) {
      space_owed = !out.empty();
    } else {
      if (space_owed) out.push_back(' ');
      space_owed = false;
      if (byte < 0x80) {
        out.push_back(static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte));
      } else if (code_point < 0) {
        out.push_back(text[at]);
      } else {
        append_folded(code_point, out);
      }
    }
    at += length;
  }
}

TextHash hash_text(std::string_view normalised) noexcept {
  const XXH128_hash_t hash = XXH3_128bits(normalised.data(), normalised.size());
  return {hash.low64, hash.high64};
}

bool is_valid_utf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string_view preview(std::string_view text, size_t characters_max) noexcept {
  size_t at = 0;
  for (size_t i = 0; i < characters_max && at < text.size(); ++i) {
    int32_t code_point = 0;
    at += next_code_point(text.substr(at), code_point);
  }
  return text.substr(0, at);
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty()) {
    int32_t code_point = 0;
    const size_t length = next_code_point(text, code_point);
    if (!is_white_space(code_point)) break;
    text.remove_prefix(length);
  }
  // From the end: white space has no code point longer than three bytes.
  for (size_t length = 1; length <= 3 && length <= text.size();) {
    int32_t code_point = 0;
    const std::string_view last = text.substr(text.size() - length);
    if (next_code_point(last, code_point) == length && is_white_space(code_point)) {
      text.remove_suffix(length);
      length = 1;
    } else {
      ++length;
    }
  }
  return text;
}

}  // namespace ferro::node::model
