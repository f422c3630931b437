#include "common/obs/log_line.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include "common/base/json_escape.h"
#include "common/base/utf8.h"

namespace ferro::obs {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";     // U+2026

// The inside of a JSON string; used in text lines too, where quotes are escaped only inside quotes.
void append_escaped(std::string& out, std::string_view value, bool quoted) {
  const bool cut = value.size() > kLogValueBytesMax;
  size_t used = 0;
  while (!value.empty()) {
    const size_t length = utf8_length(value);
    used += std::max<size_t>(length, 1);
    if (cut && used > kLogValueBytesMax) {
      out += kEllipsis;
      return;
    }
    const auto byte = static_cast<uint8_t>(value.front());
    if (length == 0) {
      out += kReplacement;
    } else if (byte < 0x20 || byte == 0x7f || (quoted && (byte == '"' || byte == '\\'))) {
      append_json_escape(value.front(), out);
    } else {
      out += value.substr(0, length);
    }
    value.remove_prefix(std::max<size_t>(length, 1));
  }
}

void append_quoted(std::string& out, std::string_view value) {
  out += '"';
  append_escaped(out, value, true);
  out += '"';
}

// A value that reads unambiguously without quotes.
bool is_plain(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
}

}  // namespace

std::string render_event(LogFormat format, std::string_view message, std::initializer_list<Field> fields) {
  std::string out;
  if (format == LogFormat::json) {
    out += R"("message":)";
    append_quoted(out, message);
  } else {
    append_escaped(out, message, false);
  }
  for (const Field& field : fields) {
    if (format == LogFormat::json) {
      out += ',';
      append_quoted(out, field.name);
      out += ':';
      append_quoted(out, field.value);
    } else {
      out += ' ';
      append_escaped(out, field.name, true);
      out += '=';
      if (is_plain(field.value) && field.value.size() <= kLogValueBytesMax) {
        out += field.value;
      } else {
        append_quoted(out, field.value);
      }
    }
  }
  return out;
}

std::string render_line(LogFormat format, std::chrono::system_clock::time_point time, std::string_view level,
                        std::string_view event) {
  using namespace std::chrono;
  const int64_t since_epoch_ms = duration_cast<milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = since_epoch_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> stamp;
  const size_t date_length = std::strftime(stamp.data(), stamp.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(stamp.data() + date_length, stamp.size() - date_length, ".%03dZ",
                static_cast<int>(since_epoch_ms % 1000));

  std::string line;
  if (format == LogFormat::json) {
    line.append(R"({"time":")").append(stamp.data()).append(R"(","level":")").append(level).append(R"(",)");
    line.append(event).append("}");
  } else {
    line.append(stamp.data()).append(" ").append(level).append(" ").append(event);
  }
  return line;
}

}  // namespace ferro::obs
