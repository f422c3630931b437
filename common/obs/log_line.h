// Turns one log event into one line, whatever bytes its values hold: invalid UTF-8 and control characters
// cannot break the line, forge another or make the JSON invalid. Pure; the logger calls it.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "common/obs/log.h"

namespace ferro::obs {

// Longest message or value in a line; what is over is cut at a character and marked by an ellipsis. A stuck
// loop that logs whole bodies must not fill the disk.
inline constexpr size_t kLogValueBytesMax = 4096;

enum class LogFormat : unsigned char { text, json };

// The part of a line that follows time and level.
//   json: "message":"...","name":"value"        (all values are strings)
//   text: message name=value name="value with blanks"
std::string render_event(LogFormat format, std::string_view message, std::initializer_list<Field> fields);
// The whole line without its end; the time is UTC to the millisecond (RFC 3339).
std::string render_line(LogFormat format, std::chrono::system_clock::time_point time, std::string_view level,
                        std::string_view event);

}  // namespace ferro::obs
