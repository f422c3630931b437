#include "tests/sim/event_log.h"

#include <array>
#include <cstdio>
#include <iostream>

namespace ferro::sim {

std::string print_time(int64_t time_us) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%9.6f", static_cast<double>(time_us) / 1e6);
  return text.data();
}

void EventLog::fault(const std::string& text) {
  faults_.push_back(print_time(timeline_.now_us()) + "  " + text);
  say("## " + text);
}

void EventLog::say(const std::string& text) const {
  if (verbose_) std::cout << print_time(timeline_.now_us()) << "  " << text << "\n";
}

}  // namespace ferro::sim
