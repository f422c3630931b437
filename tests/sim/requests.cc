#include "tests/sim/requests.h"

#include <algorithm>

namespace ferro::sim {

std::optional<Request> Requests::end(uint32_t number) {
  auto found = open_.extract(number);
  if (found.empty()) return std::nullopt;
  return std::move(found.mapped());
}

void Requests::lose(const Machine& machine) {
  std::vector<Request> lost;
  for (auto at = open_.begin(); at != open_.end();) {
    if (at->second.machine == &machine) {
      lost.push_back(std::move(at->second));
      at = open_.erase(at);
    } else {
      ++at;
    }
  }
  for (const Request& request : lost) request.lost();
}

size_t Requests::open_at(const Machine& machine) const {
  return static_cast<size_t>(std::count_if(open_.begin(), open_.end(),
                                           [&](const auto& one) { return one.second.machine == &machine; }));
}

const Request* Requests::overdue() const {
  for (const auto& [number, request] : open_) {
    if (request.machine->is_suspended()) continue;
    int64_t since_us = request.invoked_us;
    const auto resumed = resumed_us_.find(request.machine->index());
    if (resumed != resumed_us_.end()) since_us = std::max(since_us, resumed->second);
    if (timeline_.now_us() - since_us > request.bound_ms * 1000) return &request;
  }
  return nullptr;
}

}  // namespace ferro::sim
