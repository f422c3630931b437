// What happened in a run, in virtual time: faults are always kept, the rest is printed when asked for. Owned
// by the world.
#pragma once

#include <string>
#include <vector>

#include "tests/fakes/timeline.h"

namespace ferro::sim {

// `12.345678` seconds.
std::string print_time(int64_t time_us);

class EventLog {
 public:
  EventLog(const fakes::Timeline& timeline, bool verbose) : timeline_(timeline), verbose_(verbose) {}

  bool verbose() const noexcept { return verbose_; }
  void fault(const std::string& text);
  // Only in verbose runs: build expensive texts after asking verbose().
  void say(const std::string& text) const;
  const std::vector<std::string>& faults() const noexcept { return faults_; }

 private:
  const fakes::Timeline& timeline_;
  const bool verbose_;
  std::vector<std::string> faults_;
};

}  // namespace ferro::sim
