#include "common/io/checked_text.h"

#include <array>
#include <cstddef>
#include <cstdio>

#include "common/base/bytes.h"
#include "common/io/crc32c.h"

namespace ferro::io {

namespace {

constexpr std::string_view kLabel = "crc32c ";
constexpr size_t kLineBytes = kLabel.size() + 8 + 1;

using Line = std::array<char, kLineBytes + 1>;

Line checksum_line(std::string_view text) noexcept {
  Line line;
  std::snprintf(line.data(), line.size(), "%s%08x\n", kLabel.data(), crc32c(as_bytes(text)));
  return line;
}

}  // namespace

std::string with_checksum(std::string text) {
  const Line line = checksum_line(text);
  text.append(line.data(), kLineBytes);
  return text;
}

std::optional<std::string_view> without_checksum(std::string_view text) noexcept {
  if (text.size() < kLineBytes) return std::nullopt;
  const std::string_view body = text.substr(0, text.size() - kLineBytes);
  const Line line = checksum_line(body);
  if (text.substr(body.size()) != std::string_view(line.data(), kLineBytes)) return std::nullopt;
  return body;
}

std::optional<std::string_view> take_line(std::string_view& text, std::string_view label) noexcept {
  const size_t end = text.find('\n');
  if (!text.starts_with(label) || end == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(label.size(), end - label.size());
  text.remove_prefix(end + 1);
  return value;
}

}  // namespace ferro::io
