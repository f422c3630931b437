// One keep-alive connection with at most one request in flight. Owned and used by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ferro::bench::loadgen {

class Connection {
 public:
  enum class Progress : uint8_t { waiting, answered, failed };

  ~Connection();
  Connection() = default;
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  Status open(const std::string& host, uint16_t port);  // blocking connect, then non-blocking
  int fd() const noexcept { return fd_; }
  bool wants_write() const noexcept { return sent_ < out_.size(); }

  // The buffer to put the next request into, then start().
  std::string& request() noexcept { return out_; }
  Progress start();
  Progress on_writable();
  Progress on_readable();
  // Of the last answer, until the next start().
  unsigned status() const noexcept { return status_; }
  std::string_view body() const noexcept { return std::string_view(in_).substr(head_bytes_); }
  // Waits for the answer of what was started: for loading, not for measuring.
  Progress wait();

 private:
  bool answer_complete();

  int fd_ = -1;
  std::string out_, in_;
  size_t sent_ = 0, head_bytes_ = 0, body_bytes_ = 0;
  unsigned status_ = 0;
};

}  // namespace ferro::bench::loadgen
