// Small text files that end with a line "crc32c <eight hex digits>" over everything before it, and are read
// line by line, each with a label of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ferro::io {

// `text` with that line behind it. It ends with a newline.
std::string with_checksum(std::string text);

// What stands before the line; nothing if the line is missing, damaged or not the last.
std::optional<std::string_view> without_checksum(std::string_view text) noexcept;

// What follows `label` in the first line, which is taken off; nothing, and `text` as it was, if the line does
// not begin so or has no end.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view label) noexcept;

}  // namespace ferro::io
