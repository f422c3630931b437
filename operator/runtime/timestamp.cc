#include "operator/runtime/timestamp.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace ferro::oper::runtime {
namespace {

std::string date_and_time(int64_t unix_seconds) {
  using namespace std::chrono;
  const sys_seconds at{seconds{unix_seconds}};
  const sys_days day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text.data();
}

}  // namespace

std::string micro_time(int64_t wall_ms) {
  int64_t seconds = wall_ms / 1000;
  int64_t rest_ms = wall_ms % 1000;
  if (rest_ms < 0) {
    rest_ms += 1000;
    --seconds;
  }
  std::string rest = std::to_string(rest_ms);
  rest.insert(0, 3 - rest.size(), '0');
  return date_and_time(seconds) + "." + rest + "000Z";
}

std::string whole_second(int64_t unix_seconds) {
  return date_and_time(unix_seconds) + "Z";
}

}  // namespace ferro::oper::runtime
