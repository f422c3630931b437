// The real loop: one io_context on a thread of its own, and a few worker threads for what must not run there.
//
// Owned by app, outlives all that runs on it. Work posted before start() waits for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/status.h"
#include "node/cluster/runtime/loop.h"
#include "node/cluster/runtime/timer_queue.h"

namespace boost::asio {
class io_context;
}

namespace ferro::node::cluster {

class AsioLoop final : public Loop {
 public:
  // `workers`: at least one. `clock` outlives the loop and runs in real time.
  AsioLoop(const Clock& clock, size_t workers);
  ~AsioLoop() override;

  Status start();
  // Any thread but its own: ends after what runs now; what waits is dropped, every thread joined. Idempotent.
  void stop();
  // Any thread: runs `work` on the loop and waits for it; right here if this is the loop, or if it has not
  // started or has ended.
  void run_and_wait(const std::function<void()>& work);

  void post(Work work) override;
  void offload(Work work) override;
  TimerId after(int64_t delay_ms, Work work) override;
  void cancel(TimerId timer) override;
  // On the loop: runs at the end of this turn, when nothing is ready any more or a great many things have
  // run.
  void at_end_of_turn(Work work);
  uint64_t random() override;
  const Clock& clock() const override { return clock_; }

  // For the sockets of node/cluster/tcp.
  boost::asio::io_context& context() noexcept { return *context_; }

 private:
  struct Timer;
  void run();
  void run_turn();
  void end_turn();
  void run_inbox();
  void run_worker();
  void arm_timer();
  void on_timer();
  bool is_current() const;

  const Clock& clock_;
  const size_t worker_count_;
  const std::unique_ptr<boost::asio::io_context> context_;
  std::thread thread_;
  std::vector<std::thread> workers_;

  std::mutex inbox_mutex_;  // guards the next three
  std::vector<Work> inbox_;
  bool running_ = false, ended_ = false;

  std::mutex jobs_mutex_;  // guards the next two
  std::deque<Work> jobs_;
  bool jobs_ended_ = false;
  std::condition_variable jobs_changed_;

  TimerQueue<Work> timers_;  // by nanoseconds of the clock; the loop's own, like the next two
  std::unique_ptr<Timer> timer_;
  int64_t armed_ns_ = 0;  // 0: it is not
  // Of the running turn; the loop's own, too.
  size_t turn_works_ = 0;
  std::vector<Work> turn_ends_;
};

}  // namespace ferro::node::cluster
