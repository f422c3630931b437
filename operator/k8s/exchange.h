// One request under way, between the thread that waits for it and the library's thread that carries it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/status.h"

namespace ferro::oper::k8s {

// Shared by both sides; thread-safe. At most about kWaitingBytesMax of a body wait in it: the carrying side
// is told to pause.
class Exchange {
 public:
  static constexpr size_t kWaitingBytesMax = 1U << 20;

  // --- the carrying side ---
  void head(int http_status, int64_t retry_after_ms);
  // Bytes of the body. True = go on at once; false = `resume` is called when there is room again, from any
  // thread and without a lock.
  bool piece(std::string_view bytes, std::function<void()> resume);
  // Over, in good order or not. The first end counts.
  void end(Status status);

  // --- the waiting side ---
  struct Head {
    int http_status = 0;
    int64_t retry_after_ms = -1;
  };
  enum class News : uint8_t { bytes, over, silence };
  // Nothing if neither the head nor the end came in time.
  std::optional<Head> wait_for_head(int64_t timeout_ms);
  // What came of the body since the last call, appended to `bytes`; `over` only once all of it was handed
  // out.
  News wait_for_body(int64_t timeout_ms, std::string& bytes);
  bool is_over() const;
  Status status() const;  // of the end

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Head> head_;
  std::string waiting_;
  std::function<void()> resume_;
  std::optional<Status> end_;
};

}  // namespace ferro::oper::k8s
