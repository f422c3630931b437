// A progress bar on standard error, only when that is a terminal; otherwise a line every few thousand.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>

namespace ferro::ferroctl {

class Progress {
 public:
  Progress(std::string what, uint64_t total) : what_(std::move(what)), total_(total) {}
  void advance(uint64_t by) {
    done_ += by;
    if (done_ - shown_ < (terminal_ ? kTerminalStep : kLogStep) && !(terminal_ && done_ == total_)) return;
    shown_ = done_;
    // More than expected: a cache that is written to meanwhile.
    const double share =
        total_ == 0 ? 1 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const auto filled = static_cast<size_t>(share * kWidth);
    if (terminal_) {
      std::fprintf(stderr, "\r%s [%s%s] %llu of %llu", what_.c_str(), std::string(filled, '#').c_str(),
                   std::string(kWidth - filled, '.').c_str(), static_cast<unsigned long long>(done_),
                   static_cast<unsigned long long>(total_));
    } else {
      std::fprintf(stderr, "%s: %llu of %llu\n", what_.c_str(), static_cast<unsigned long long>(done_),
                   static_cast<unsigned long long>(total_));
    }
  }
  ~Progress() {
    if (terminal_ && shown_ > 0) std::fputc('\n', stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  static constexpr size_t kWidth = 30;
  static constexpr uint64_t kTerminalStep = 50, kLogStep = 10'000;
  const std::string what_;
  const uint64_t total_;
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  uint64_t done_ = 0, shown_ = 0;
};

}  // namespace ferro::ferroctl
