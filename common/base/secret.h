// A string that must not be printed: tokens, private keys. It has no stream operator and no formatter, and it
// is wiped when destroyed. `reveal()` is the one way to the bytes, so uses are easy to find.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace ferro {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      value_ = other.value_;
    }
    return *this;
  }
  // Moving a short string copies it: the source is wiped too.
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      value_ = std::move(other.value_);
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  std::string_view reveal() const noexcept { return value_; }
  bool empty() const noexcept { return value_.empty(); }
  static constexpr std::string_view kMask = "********";

 private:
  void wipe() noexcept {
    volatile char* bytes = value_.data();
    for (size_t i = 0; i < value_.capacity(); ++i) bytes[i] = 0;
    value_.clear();
  }
  std::string value_;
};

}  // namespace ferro
