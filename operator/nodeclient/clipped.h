// Cuts texts that nodes send. Private to nodeclient.
#pragma once

#include <string>
#include <string_view>

namespace ferro::oper::nodeclient {

// At most `bytes_max` bytes of valid UTF-8, whole characters: a half one could not be written as JSON.
inline std::string clipped(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  size_t size = bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  return std::string(text.substr(0, size));
}

}  // namespace ferro::oper::nodeclient
