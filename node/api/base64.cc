#include "node/api/base64.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace ferro::node::api {
namespace {

constexpr uint8_t kBad = 0xFF;

constexpr std::array<uint8_t, 256> make_table() {
  std::array<uint8_t, 256> table{};
  for (auto& value : table) value = kBad;
  uint8_t next = 0;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = next++;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = next++;
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = next++;
  table['+'] = table['-'] = 62;
  table['/'] = table['_'] = 63;
  return table;
}
constexpr std::array<uint8_t, 256> kValues = make_table();

Status refuse(const char* reason) {
  return Status::invalid(std::string("embedding_b64 ") + reason +
                         ": send base64 of little-endian float32 values");
}

uint8_t value_of(char c) {
  return kValues[static_cast<unsigned char>(c)];
}

// Whole groups of four characters to three bytes. False on a character outside the alphabet.
bool decode_groups(std::string_view text, uint8_t* out) {
  uint32_t bad = 0;
  for (size_t at = 0; at + 4 <= text.size(); at += 4, out += 3) {
    const uint32_t a = value_of(text[at]), b = value_of(text[at + 1]), c = value_of(text[at + 2]),
                   d = value_of(text[at + 3]);
    bad |= a | b | c | d;
    const uint32_t group = (a << 18) | (b << 12) | (c << 6) | d;
    out[0] = static_cast<uint8_t>(group >> 16);
    out[1] = static_cast<uint8_t>(group >> 8);
    out[2] = static_cast<uint8_t>(group);
  }
  return (bad & 0xC0) == 0;
}

}  // namespace

Status decode_floats(std::string_view base64, size_t count_max, std::vector<float>& out) {
  std::string_view text = base64;
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  const size_t rest = text.size() % 4;
  if (rest == 1 || (padding > 0 && (rest + padding) != 4)) return refuse("has a wrong length or padding");
  const bool standard = text.find_first_of("+/") != std::string_view::npos;
  const bool url_safe = text.find_first_of("-_") != std::string_view::npos;
  if (standard && url_safe) return refuse("mixes the standard and the URL-safe alphabet");
  if (rest != 0 && padding == 0 && !url_safe) return refuse("lacks its padding");

  const size_t bytes = text.size() / 4 * 3 + (rest == 0 ? 0 : rest - 1);
  if (bytes % sizeof(float) != 0) return refuse("does not hold a whole number of float32 values");
  if (bytes / sizeof(float) > count_max) {
    return Status::invalid("embedding_b64 holds " + std::to_string(bytes / sizeof(float)) +
                           " values: send 1 to " + std::to_string(count_max));
  }
  out.resize(bytes / sizeof(float));
  auto* target = reinterpret_cast<uint8_t*>(out.data());
  const size_t whole = text.size() - rest;
  if (!decode_groups(text.substr(0, whole), target)) return refuse("is not base64");
  if (rest != 0) {
    std::array<char, 4> last = {'A', 'A', 'A', 'A'};
    std::memcpy(last.data(), text.data() + whole, rest);
    std::array<uint8_t, 3> decoded{};
    if (!decode_groups({last.data(), last.size()}, decoded.data())) return refuse("is not base64");
    // The bits behind the last byte must be zero, or two texts would mean the same.
    for (size_t i = rest - 1; i < decoded.size(); ++i) {
      if (decoded[i] != 0) return refuse("ends in stray bits");
    }
    std::memcpy(target + whole / 4 * 3, decoded.data(), rest - 1);
  }
  return {};
}

}  // namespace ferro::node::api
