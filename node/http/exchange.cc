#include "node/http/exchange.h"

#include <algorithm>
#include <cstring>

#include "common/base/limits.h"

namespace ferro::node::http {
namespace {

constexpr size_t kFirstBodyBytes = 4096;

// Small bodies are bounded by the number of connections and cost no shared counter.
size_t counted(size_t capacity) noexcept {
  return capacity > limits::kKeptBodyBytesMax ? capacity : 0;
}

}  // namespace

bool BodyBudget::take(size_t bytes) noexcept {
  if (taken_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bytes_max_) return true;
  give_back(bytes);
  return false;
}

bool BodyBuffer::grow(size_t capacity) {
  if (!budget_.take(counted(capacity) - counted(capacity_))) return false;
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity + kBodyPadding);
  if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
  std::memset(bytes.get() + capacity, 0, kBodyPadding);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
  return true;
}

// A declared length is believed up to what need not be counted; from there on memory follows the bytes that
// come.
bool BodyBuffer::make_room(size_t wanted) {
  if (room() >= wanted) return true;
  return grow(
      std::max(size_ + std::min(wanted, std::max(limits::kKeptBodyBytesMax, size_)), kFirstBodyBytes));
}

bool BodyBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return true;
  if (room() < bytes.size() && !grow(std::max({size_ + bytes.size(), 2 * capacity_, kFirstBodyBytes})))
    return false;
  std::memcpy(window(), bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

void BodyBuffer::clear(size_t kept_capacity_max) noexcept {
  size_ = 0;
  if (capacity_ <= kept_capacity_max) return;
  budget_.give_back(counted(capacity_));
  bytes_.reset();
  capacity_ = 0;
}

void Exchange::reset() noexcept {
  state = State::reading;
  http_1_1 = keep_alive = true;
  wants_continue = false;
  request = Request();
  head.clear();
  body.clear(limits::kKeptBodyBytesMax);
  response.body.clear();
  response.headers.clear();
}

}  // namespace ferro::node::http
