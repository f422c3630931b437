// Request ids: the caller's where it is fit to be echoed and logged, else one made here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ferro::node::http {

// 1..128 visible ASCII characters.
bool is_fit_request_id(std::string_view id) noexcept;

// Makes ids that are unique across nodes and restarts: 64 random bits drawn once, then a counter. One per
// core, used on it only.
class RequestIdSource {
 public:
  RequestIdSource();
  // Appends 24 hexadecimal digits.
  void append_next(std::string& out);

 private:
  uint64_t prefix_;
  uint32_t next_ = 0;
};

}  // namespace ferro::node::http
