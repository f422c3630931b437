// When a cron expression fires: five fields (minute, hour, day of month, month, day of week), in UTC.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace ferro::oper::api {

// A value; immutable. Lists, ranges, steps, names of months and days (JAN, SUN) and 7 for Sunday, as in
// cron(8). If both day fields are restricted, a day fits that fits either of them.
class CronSchedule {
 public:
  // invalid_argument naming the field that does not fit, or for a date that never comes (30 February).
  static Result<CronSchedule> parse(std::string_view text);

  // The first firing strictly after `unix`.
  int64_t next_after(int64_t unix) const;
  // The last firing at or before `unix`.
  int64_t last_at(int64_t unix) const;

 private:
  CronSchedule() = default;
  // Whether it fires on the day with this number since the epoch.
  bool fits_day(int64_t day) const;
  bool ever_fires() const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;     // 1..31
  std::bitset<13> months_;   // 1..12
  std::bitset<7> weekdays_;  // 0 = Sunday
  bool any_day_ = false;     // the field starts with a star
  bool any_weekday_ = false;
};

}  // namespace ferro::oper::api
