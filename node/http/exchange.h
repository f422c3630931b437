// One request and its answer on one connection, and the memory of both. Taken from the core's pool at a
// request's first byte, given back when its answer was handed to the socket; keeps its buffers in between, so
// that a busy core does not allocate.
//
// Thread rule: the connection's core, except that `request` may be read by whoever holds the Reply.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "node/http/message.h"

namespace ferro::node::http {

// The bytes that large request bodies may take together: beyond it they are refused, so that uploads cannot
// exhaust the memory of the node. Owned by the server; thread-safe.
class BodyBudget {
 public:
  explicit BodyBudget(size_t bytes_max) : bytes_max_(bytes_max) {}
  bool take(size_t bytes) noexcept;
  void give_back(size_t bytes) noexcept { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> taken_{0};
};

// A growing byte buffer that is not zeroed and keeps kBodyPadding readable bytes behind its end.
class BodyBuffer {
 public:
  explicit BodyBuffer(BodyBudget& budget) : budget_(budget) {}
  ~BodyBuffer() { clear(0); }
  BodyBuffer(const BodyBuffer&) = delete;
  BodyBuffer& operator=(const BodyBuffer&) = delete;

  // False if the budget for large bodies is spent; so does make_room.
  [[nodiscard]] bool append(std::string_view bytes);
  // Makes room for `wanted` more bytes, or for part of them: a length that a stranger declared is believed
  // only so far. `window` is the room, `commit` takes part of it.
  [[nodiscard]] bool make_room(size_t wanted);
  char* window() noexcept { return bytes_.get() + size_; }
  size_t room() const noexcept { return capacity_ - size_; }
  void commit(size_t bytes) noexcept { size_ += bytes; }
  std::string_view view() const noexcept { return {bytes_.get(), size_}; }
  size_t size() const noexcept { return size_; }
  size_t capacity() const noexcept { return capacity_; }
  void clear(size_t kept_capacity_max) noexcept;

 private:
  [[nodiscard]] bool grow(size_t capacity);
  BodyBudget& budget_;
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0, capacity_ = 0;  // capacity without the padding
};

struct Exchange {
  explicit Exchange(BodyBudget& budget) : body(budget) {}

  enum class State : uint8_t {
    reading,  // not complete yet
    queued,   // complete, waits for its turn
    running,  // the service has it
    done,     // answered, not yet written
  };

  State state = State::reading;
  bool http_1_1 = true;
  bool keep_alive = true;       // what the client allows
  bool wants_continue = false;  // waits for "100 Continue" before it sends the body
  Request request;              // its views lead into the next two
  std::string head;             // target, authorization and request id, one behind the other
  BodyBuffer body;
  Response response;

  // Ready for the next request.
  void reset() noexcept;
};

}  // namespace ferro::node::http
