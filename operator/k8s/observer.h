// What metrics want to know about every request, told without this module knowing of metrics.
#pragma once

#include <cstdint>
#include <string_view>

namespace ferro::oper::k8s {

struct RequestFacts {
  std::string_view verb;      // get, list, watch, create, apply, patch, update, delete, discover
  std::string_view resource;  // plural; "apis" for discovery
  int code = 0;               // HTTP status; 0 = no answer
  int64_t duration_us = 0;    // of this attempt; a watch: until it ended
};

// Called from any thread, once an attempt (a page of a list is one), without a lock held; must not block.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  virtual void on_request(const RequestFacts& facts) = 0;
  virtual void on_retry(std::string_view /*verb*/, int /*code*/) {}
  // A line of a watch that is no event: skipped.
  virtual void on_garbage(std::string_view /*resource*/) {}
};

}  // namespace ferro::oper::k8s
