#include "common/obs/log.h"

#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "common/obs/log_line.h"

namespace ferro::obs {

namespace {

constexpr std::array<std::pair<std::string_view, Level>, 6> kLevels{{{"trace", Level::trace},
                                                                     {"debug", Level::debug},
                                                                     {"info", Level::info},
                                                                     {"warn", Level::warn},
                                                                     {"error", Level::error},
                                                                     {"off", Level::off}}};

std::string_view name_of(Level level) {
  return kLevels[static_cast<size_t>(level)].first;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

Level from_spdlog(spdlog::level::level_enum level) {
  for (const auto& [name, ours] : kLevels) {
    if (to_spdlog(ours) == level) return ours;
  }
  return Level::error;
}

// Adds time and level to an already rendered event; spdlog's own patterns cannot escape.
class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    std::string line = render_line(format_, msg.time, name_of(from_spdlog(msg.level)),
                                   std::string_view(msg.payload.data(), msg.payload.size()));
    line += '\n';
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  const LogFormat format_;
};

// The one mutable global of the product: a log line must be possible from anywhere. Lives until the process
// ends, so that a thread that outlasts main's statics can still log.
struct Logging {
  std::shared_ptr<spdlog::logger> logger;
  std::atomic<LogFormat> format{LogFormat::text};
  std::atomic<Level> level{Level::info};
  std::mutex mutex;  // guards initialised
  bool initialised = false;

  Logging()
      : logger(std::make_shared<spdlog::logger>("ferrocache",
                                                std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    logger->set_level(spdlog::level::trace);  // `level` above decides
    logger->set_formatter(std::make_unique<LineFormatter>(LogFormat::text));
    logger->set_error_handler(
        [](const std::string&) {});  // a log that cannot be written must not stop the node
  }
};

Logging& logging() {
  static auto* const instance = new Logging;
  return *instance;
}

}  // namespace

Result<Level> parse_level(std::string_view name) {
  for (const auto& [known, level] : kLevels) {
    if (known == name) return level;
  }
  return Status::invalid("unknown log level; allowed: trace, debug, info, warn, error, off");
}

Status init_logging(Level level, std::string_view format) {
  if (format != "auto" && format != "text" && format != "json") {
    return Status::invalid("unknown log format; allowed: auto, text, json");
  }
  const bool text = format == "text" || (format == "auto" && ::isatty(STDERR_FILENO) == 1);
  Logging& state = logging();
  const std::lock_guard lock(state.mutex);
  if (state.initialised) return Status(StatusCode::failed_precondition, "logging is set up once");
  state.initialised = true;
  state.format = text ? LogFormat::text : LogFormat::json;
  state.level = level;
  state.logger->set_formatter(std::make_unique<LineFormatter>(state.format.load()));
  return {};
}

void set_level(Level level) {
  logging().level = level;
}

bool would_log(Level level) noexcept {
  return level != Level::off && level >= logging().level.load();
}

void log(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!would_log(level)) return;
  Logging& state = logging();
  const std::string event = render_event(state.format, message, fields);
  state.logger->log(to_spdlog(level), spdlog::string_view_t(event.data(), event.size()));
}

}  // namespace ferro::obs
