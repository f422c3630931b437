// Whether writes are accepted, and the sentence that says why not. Set by the writer thread, read by any.
#pragma once

#include <mutex>

#include "common/base/status.h"

namespace ferro::node::engine {

class LogHealth {
 public:
  // What a write is answered now and what /readyz says.
  Status current() const {
    std::lock_guard lock(mutex_);
    return status_;
  }
  void set(Status status) {
    std::lock_guard lock(mutex_);
    status_ = std::move(status);
  }

 private:
  mutable std::mutex mutex_;
  Status status_;
};

// The file STAMPS; passes by itself.
inline Status refusal_for_stamps(const Status& reserving) {
  if (reserving.code() == StatusCode::no_space)
    return reserving.with_context("the disk is full, writes are refused until there is room");
  return Status::unavailable("stamps of writes cannot be reserved, writes are refused until they can be: " +
                             reserving.message());
}

// no_space (507) and unavailable (503) stay what they are and pass by themselves; every other failure of the
// log is for good (503).
inline Status refusal_for(const Status& log) {
  if (log.ok()) return log;
  if (log.code() == StatusCode::no_space)
    return log.with_context("the disk is full, writes are refused until there is room");
  if (log.code() == StatusCode::unavailable)
    return log.with_context("the next file of the log cannot be opened, writes are refused until it can be");
  return Status::unavailable(
      "the write-ahead log has stopped after an error, this node is read-only until it is "
      "restarted: " +
      log.message());
}

}  // namespace ferro::node::engine
