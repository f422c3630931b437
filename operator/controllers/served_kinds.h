// Whether the API server knows the optional kinds; asked now and then, since they may be installed later.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "common/time/clock.h"
#include "operator/k8s/client.h"

namespace ferro::oper::controllers {

// Thread-safe.
class ServedKinds {
 public:
  static constexpr int64_t kAskAgainMs = 300'000;

  ServedKinds(k8s::Client& client, const Clock& clock) : client_(client), clock_(clock) {}
  // The last answer while a new one cannot be had; false if there never was one.
  bool serves(const k8s::Resource& resource);

 private:
  struct Answer {
    bool serves = false;
    int64_t asked_ms = 0;
  };
  k8s::Client& client_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
};

}  // namespace ferro::oper::controllers
