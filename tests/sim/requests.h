// Requests of clients under way: every one is answered within its bound, or its node has died.
//
// Owned by the world; one thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "tests/sim/machine.h"

namespace ferro::sim {

struct Request {
  uint32_t number = 0;
  Machine* machine = nullptr;
  std::string what;
  int64_t invoked_us = 0, bound_ms = 0;
  bool was_ready = false;      // the node said so when it was asked
  std::function<void()> lost;  // the node died before it answered
};

class Requests {
 public:
  explicit Requests(fakes::Timeline& timeline) : timeline_(timeline) {}

  uint32_t next_number() noexcept { return ++last_number_; }
  void begin(Request request) { open_.emplace(request.number, std::move(request)); }
  // The request, once; null if it was lost or answered before.
  std::optional<Request> end(uint32_t number);
  // Its process has ended.
  void lose(const Machine& machine);
  size_t open() const noexcept { return open_.size(); }
  size_t open_at(const Machine& machine) const;
  // The first that should have been answered by now; time in which its node was stopped does not count.
  const Request* overdue() const;
  void note_resumed(const Machine& machine) { resumed_us_[machine.index()] = timeline_.now_us(); }

 private:
  fakes::Timeline& timeline_;
  std::map<uint32_t, Request> open_;
  std::map<size_t, int64_t> resumed_us_;
  uint32_t last_number_ = 0;
};

}  // namespace ferro::sim
