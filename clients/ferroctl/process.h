// Programs of others (kubectl, tar), run without a shell.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace ferro::ferroctl {

// Runs it to its end and returns its standard output. A failure carries the end of its standard error;
// not_found if there is no such program.
Result<std::string> run_program(const std::vector<std::string>& words);

// A program that goes on beside this one; ended (SIGTERM, then waited for) by the destructor.
class Companion {
 public:
  // Starts it and reads its standard output up to the first line that contains `sign`, at most `wait_ms`.
  static Result<Companion> start(const std::vector<std::string>& words, const std::string& sign, int wait_ms);
  Companion(Companion&& other) noexcept;
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;
  ~Companion();
  const std::string& line() const noexcept { return line_; }

 private:
  Companion(int pid, int output, std::string line) : pid_(pid), output_(output), line_(std::move(line)) {}
  int pid_;
  int output_;
  std::string line_;
};

}  // namespace ferro::ferroctl
