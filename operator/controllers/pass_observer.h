// What metrics want to know about passes and actions, told without this module knowing of metrics' names.
#pragma once

#include <cstdint>
#include <string_view>

namespace ferro::oper::controllers {

// Called from any worker, no lock held; must not block.
class PassObserver {
 public:
  virtual ~PassObserver() = default;
  virtual void on_pass(bool ok, int64_t duration_us) = 0;
  virtual void on_action(std::string_view action, bool ok) = 0;
};

}  // namespace ferro::oper::controllers
