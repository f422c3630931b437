#include "common/crypto/uuid.h"

#include <openssl/rand.h>

#include <array>

namespace ferro::crypto {

namespace {

constexpr size_t kOctets = 16;
constexpr size_t kCharacters = 36;
constexpr std::string_view kDigits = "0123456789abcdef";

constexpr bool is_dash_at(size_t position) {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

}  // namespace

Result<std::string> make_uuid(uint16_t partition) {
  std::array<uint8_t, kOctets> octets{};
  if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1) {
    return Status::internal("the system gave no random bytes for an id");
  }
  octets[0] = static_cast<uint8_t>((partition >> 8) ^ octets[14]);
  octets[1] = static_cast<uint8_t>((partition & 0xFF) ^ octets[15]);
  octets[6] = static_cast<uint8_t>((octets[6] & 0x0F) | 0x40);  // version 4
  octets[8] = static_cast<uint8_t>((octets[8] & 0x3F) | 0x80);  // variant 10

  std::string text;
  text.reserve(kCharacters);
  for (const uint8_t octet : octets) {
    if (is_dash_at(text.size())) text.push_back('-');
    text.push_back(kDigits[octet >> 4]);
    text.push_back(kDigits[octet & 0x0F]);
  }
  return text;
}

std::optional<uint16_t> partition_of_uuid(std::string_view uuid) noexcept {
  if (uuid.size() != kCharacters) return std::nullopt;
  std::array<uint8_t, kOctets> octets{};
  size_t digits = 0;
  for (size_t i = 0; i < kCharacters; ++i) {
    if (is_dash_at(i)) {
      if (uuid[i] != '-') return std::nullopt;
      continue;
    }
    const size_t value = kDigits.find(uuid[i]);
    if (value == std::string_view::npos) return std::nullopt;
    octets[digits / 2] = static_cast<uint8_t>(size_t{octets[digits / 2]} << 4 | value);
    ++digits;
  }
  if ((octets[6] & 0xF0) != 0x40 || (octets[8] & 0xC0) != 0x80) return std::nullopt;
  return static_cast<uint16_t>((octets[0] ^ octets[14]) << 8 | (octets[1] ^ octets[15]));
}

}  // namespace ferro::crypto
