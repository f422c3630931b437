#include "operator/controllers/served_kinds.h"

namespace ferro::oper::controllers {

bool ServedKinds::serves(const k8s::Resource& resource) {
  const std::string key = std::string(resource.group) + "/" + std::string(resource.plural);
  const int64_t now_ms = clock_.wall_ms();
  Answer known;
  {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(key);
    if (found != answers_.end()) {
      if (now_ms - found->second.asked_ms < kAskAgainMs) return found->second.serves;
      known = found->second;
    }
  }
  const auto answer = client_.serves(resource);
  if (!answer.ok()) return known.serves;
  const std::lock_guard lock(mutex_);
  answers_[key] = {answer.value(), now_ms};
  return answer.value();
}

}  // namespace ferro::oper::controllers
