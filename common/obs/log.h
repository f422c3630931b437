// The process's one logger (spdlog): JSON lines or text on standard error, request ids attached by the
// caller, never a token, key, embedding or user text at info level or above. Thread-safe; set up once by
// main, before threads start.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ferro::obs {

struct Field {
  std::string_view name;
  std::string value;
};

enum class Level : unsigned char { trace, debug, info, warn, error, off };

Result<Level> parse_level(std::string_view name);
// format: "text", "json" or "auto" (text if standard error is a terminal).
Status init_logging(Level level, std::string_view format);
void set_level(Level level);
bool would_log(Level level) noexcept;
void log(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void info(std::string_view m, std::initializer_list<Field> f = {}) {
  log(Level::info, m, f);
}
inline void warn(std::string_view m, std::initializer_list<Field> f = {}) {
  log(Level::warn, m, f);
}
inline void error(std::string_view m, std::initializer_list<Field> f = {}) {
  log(Level::error, m, f);
}
inline void debug(std::string_view m, std::initializer_list<Field> f = {}) {
  log(Level::debug, m, f);
}

}  // namespace ferro::obs
