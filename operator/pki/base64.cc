#include "operator/pki/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace ferro::oper::pki {
namespace {

constexpr size_t kTextBytesMax = 2 << 20;  // a Secret of 1 MiB is 1.4 MiB of text

constexpr bool is_base64_character(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends with a zero
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

Result<std::string> decode_base64(std::string_view text) {
  if (text.size() > kTextBytesMax || text.size() % 4 != 0) return Status::invalid("is no base64");
  const size_t padding = text.size() - (text.find_last_not_of('=') + 1);
  // OpenSSL passes over blanks and would accept padding of any length.
  if (padding > 2 ||
      !std::all_of(text.begin(), text.end() - static_cast<std::ptrdiff_t>(padding), is_base64_character)) {
    return Status::invalid("is no base64");
  }
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return Status::invalid("is no base64");
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

std::string encode_base64url(std::string_view bytes) {
  std::string text = encode_base64(bytes);
  text.erase(text.find_last_not_of('=') + 1);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

}  // namespace ferro::oper::pki
