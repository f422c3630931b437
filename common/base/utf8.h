// UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace ferro {

// Bytes of the character that `text` begins with: 1..4, or 0 if it begins with no valid character (or is
// empty).
size_t utf8_length(std::string_view text) noexcept;
// True if every byte belongs to a valid character. For short texts; bulk checks use simdjson
// (node/model/text.h).
bool utf8_valid(std::string_view text) noexcept;

}  // namespace ferro
