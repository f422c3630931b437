// Programs of others (kubectl, tar), run without a shell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace ferro::ferroctl {

// More than any listing that ferroctl asks for; what is longer is refused, never cut.
inline constexpr size_t kOutputBytesMax = 64U << 20;

// Runs it to its end and returns its standard output. internal, with the end of its standard error, if it
// failed; not_found if there is no such program; unreachable if it did not end within `wait_ms`; too_large
// beyond kOutputBytesMax. In the last two cases it is ended (SIGTERM, then SIGKILL) and waited for.
Result<std::string> run_program(const std::vector<std::string>& words, int64_t wait_ms);

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const noexcept { return fd_; }
  void close() noexcept;

 private:
  int fd_ = -1;
};

// A program that goes on beside this one; what it prints is read all the time, so that it never waits for a
// reader. Ended (SIGTERM, then SIGKILL) and waited for by the destructor.
class Companion {
 public:
  // Starts it and waits for the first line that contains `sign`, at most `wait_ms` in all.
  static Result<Companion> start(const std::vector<std::string>& words, const std::string& sign,
                                 int64_t wait_ms);
  Companion(Companion&& other) noexcept;
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;
  ~Companion();
  const std::string& line() const noexcept { return line_; }

 private:
  Companion(int pid, Descriptor output) : pid_(pid), output_(std::move(output)) {}
  Status read_line(const std::string& name, const std::string& sign, int64_t wait_ms);
  Status read_on();

  int pid_;
  Descriptor output_;  // read by `reader_` once that runs
  Descriptor stop_;    // closed to end `reader_`
  std::string line_;
  std::thread reader_;
};

}  // namespace ferro::ferroctl
