#include "node/http/exchange.h"

#include <algorithm>
#include <cstring>

#include "common/base/limits.h"

namespace ferro::node::http {
namespace {

constexpr size_t kFirstBodyBytes = 4096;
// A declared length is believed this far before its bytes arrive.
constexpr size_t kTrustedBodyBytes = 1'048'576;

}  // namespace

void BodyBuffer::grow(size_t capacity) {
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity + kBodyPadding);
  if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
  std::memset(bytes.get() + capacity, 0, kBodyPadding);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

void BodyBuffer::make_room(size_t wanted) {
  if (room() >= wanted) return;
  grow(std::max(size_ + std::min(wanted, std::max(kTrustedBodyBytes, size_)), kFirstBodyBytes));
}

void BodyBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (room() < bytes.size()) grow(std::max({size_ + bytes.size(), 2 * capacity_, kFirstBodyBytes}));
  std::memcpy(window(), bytes.data(), bytes.size());
  size_ += bytes.size();
}

void BodyBuffer::clear(size_t kept_capacity_max) noexcept {
  size_ = 0;
  if (capacity_ > kept_capacity_max) {
    bytes_.reset();
    capacity_ = 0;
  }
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
