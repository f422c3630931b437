#include "operator/api/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>

#include "common/base/assert.h"

namespace ferro::oper::api {
namespace {

constexpr int64_t kDaySeconds = 86'400;
// 29 February comes again after eight years at the latest (1896 to 1904): a schedule that fires at all fires
// within that many days.
constexpr int64_t kDaysTried = 8 * 366;
constexpr size_t kTextBytesMax = 128;
constexpr int kStepMax = 99;  // what the pattern of the schema allows

struct FieldKind {
  std::string_view name;
  int least;
  int most;
  std::string_view names;  // three letters each, of least, least + 1, ...
};

constexpr std::array<FieldKind, 5> kFields{{
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of month", 1, 31, ""},
    {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    {"day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
}};

std::optional<int> read_number(std::string_view text) {
  int value = 0;
  if (text.empty() || text.size() > 3) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<int> read_value(std::string_view text, const FieldKind& kind) {
  if (text.size() == 3 && !kind.names.empty()) {
    std::string upper(text);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    for (size_t at = 0; at < kind.names.size(); at += 3) {
      if (kind.names.substr(at, 3) == upper) return kind.least + static_cast<int>(at / 3);
    }
  }
  const std::optional<int> value = read_number(text);
  if (!value || *value < kind.least || *value > kind.most) return std::nullopt;
  return value;
}

// One item of a list: "*", "5", "1-5", each with "/step" behind it. "5/2" means "5-most/2".
bool read_item(std::string_view item, const FieldKind& kind, std::bitset<64>& set) {
  int step = 1;
  const size_t slash = item.find('/');
  if (slash != std::string_view::npos) {
    const std::optional<int> given = read_number(item.substr(slash + 1));
    if (!given || *given < 1 || *given > kStepMax) return false;
    step = *given;
  }
  const std::string_view range = item.substr(0, slash);
  int from = kind.least;
  int to = kind.most;
  if (range != "*") {
    const size_t dash = range.find('-');
    const std::optional<int> first = read_value(range.substr(0, dash), kind);
    if (!first) return false;
    from = *first;
    if (dash != std::string_view::npos) {
      const std::optional<int> last = read_value(range.substr(dash + 1), kind);
      if (!last || *last < from) return false;
      to = *last;
    } else if (slash == std::string_view::npos) {
      to = from;
    }
  }
  for (int value = from; value <= to; value += step) set.set(static_cast<size_t>(value));
  return true;
}

Result<std::bitset<64>> read_field(std::string_view field, const FieldKind& kind) {
  std::bitset<64> set;
  for (std::string_view rest = field;;) {
    const size_t comma = rest.find(',');
    if (!read_item(rest.substr(0, comma), kind, set)) {
      return Status::invalid("\"" + std::string(field) + "\" is no " + std::string(kind.name) +
                             "; allowed are " + std::to_string(kind.least) + ".." +
                             std::to_string(kind.most) + ", *, lists (1,2), ranges (1-5) and steps (*/5)");
    }
    if (comma == std::string_view::npos) return set;
    rest.remove_prefix(comma + 1);
  }
}

template <size_t N>
std::bitset<N> narrowed(const std::bitset<64>& set) {
  std::bitset<N> result;
  for (size_t i = 0; i < N; ++i) result[i] = set[i];
  return result;
}

Result<std::array<std::string_view, 5>> split(std::string_view text) {
  std::array<std::string_view, 5> fields;
  size_t count = 0;
  if (text.size() <= kTextBytesMax) {
    for (size_t at = 0; at < text.size();) {
      const size_t from = text.find_first_not_of(" \t", at);
      if (from == std::string_view::npos) break;
      at = std::min(text.find_first_of(" \t", from), text.size());
      if (count < fields.size()) fields[count] = text.substr(from, at - from);
      ++count;
    }
  }
  if (count != fields.size()) {
    return Status::invalid(
        "\"" + std::string(text.substr(0, kTextBytesMax)) +
        "\" is no schedule; write minute, hour, day of month, month and day of week, as in \"0 3 * * *\"");
  }
  return fields;
}

int64_t day_of(int64_t unix) {
  return unix / kDaySeconds - (unix % kDaySeconds < 0 ? 1 : 0);
}

}  // namespace

Result<CronSchedule> CronSchedule::parse(std::string_view text) {
  FERRO_ASSIGN_OR_RETURN(const auto fields, split(text));
  std::array<std::bitset<64>, 5> sets;
  for (size_t i = 0; i < sets.size(); ++i) {
    FERRO_ASSIGN_OR_RETURN(sets[i], read_field(fields[i], kFields[i]));
  }
  CronSchedule schedule;
  schedule.minutes_ = narrowed<60>(sets[0]);
  schedule.hours_ = narrowed<24>(sets[1]);
  schedule.days_ = narrowed<32>(sets[2]);
  schedule.months_ = narrowed<13>(sets[3]);
  schedule.weekdays_ = narrowed<7>(sets[4]);
  if (sets[4][7]) schedule.weekdays_.set(0);
  schedule.any_day_ = fields[2].front() == '*';
  schedule.any_weekday_ = fields[4].front() == '*';
  if (!schedule.ever_fires())
    return Status::invalid("\"" + std::string(text) + "\" never comes: no year has such a day");
  return schedule;
}

bool CronSchedule::fits_day(int64_t day) const {
  using namespace std::chrono;
  const sys_days moment{days{day}};
  const year_month_day date{moment};
  if (!months_[static_cast<unsigned>(date.month())]) return false;
  const bool by_day = days_[static_cast<unsigned>(date.day())];
  const bool by_weekday = weekdays_[weekday{moment}.c_encoding()];
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

bool CronSchedule::ever_fires() const {
  for (int64_t day = 0; day <= kDaysTried; ++day) {
    if (fits_day(day)) return true;
  }
  return false;
}

int64_t CronSchedule::next_after(int64_t unix) const {
  const int64_t first = day_of(unix);
  for (int64_t day = first; day <= first + kDaysTried + 1; ++day) {
    if (!fits_day(day)) continue;
    for (size_t hour = 0; hour < hours_.size(); ++hour) {
      for (size_t minute = 0; hours_[hour] && minute < minutes_.size(); ++minute) {
        const int64_t moment = day * kDaySeconds + static_cast<int64_t>(hour * 3600 + minute * 60);
        if (minutes_[minute] && moment > unix) return moment;
      }
    }
  }
  FERRO_ASSERT(false, "a schedule that was parsed fires within eight years");
  return unix;
}

int64_t CronSchedule::last_at(int64_t unix) const {
  const int64_t first = day_of(unix);
  for (int64_t day = first; day >= first - kDaysTried - 1; --day) {
    if (!fits_day(day)) continue;
    for (size_t hour = hours_.size(); hour-- > 0;) {
      for (size_t minute = minutes_.size(); hours_[hour] && minute-- > 0;) {
        const int64_t moment = day * kDaySeconds + static_cast<int64_t>(hour * 3600 + minute * 60);
        if (minutes_[minute] && moment <= unix) return moment;
      }
    }
  }
  FERRO_ASSERT(false, "a schedule that was parsed fired within eight years");
  return unix;
}

}  // namespace ferro::oper::api
