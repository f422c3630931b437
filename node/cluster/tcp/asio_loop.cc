#include "node/cluster/tcp/asio_loop.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <system_error>
#include <utility>

#include "common/base/assert.h"
#include "common/crypto/random.h"
#include "common/sync/thread_role.h"

namespace ferro::node::cluster {

namespace asio = boost::asio;

namespace {

// Of one turn, so that what waits for its end, sending, is not put off for ever.
constexpr size_t kTurnHandlersMax = 256;
// A turn with that much to do is one of many: see run().
constexpr size_t kBusyTurnWorks = 3;

}  // namespace

struct AsioLoop::Timer {
  explicit Timer(asio::io_context& context) : timer(context), guard(context.get_executor()) {}
  asio::steady_timer timer;
  asio::executor_work_guard<asio::io_context::executor_type> guard;  // an idle loop waits
};

AsioLoop::AsioLoop(const Clock& clock, size_t workers)
    : clock_(clock),
      worker_count_(std::max<size_t>(1, workers)),
      context_(std::make_unique<asio::io_context>(1)),
      timer_(std::make_unique<Timer>(*context_)) {}

AsioLoop::~AsioLoop() {
  stop();
}

Status AsioLoop::start() {
  try {
    {
      const std::lock_guard lock(inbox_mutex_);
      running_ = true;
    }
    thread_ = std::thread([this] { run(); });
    for (size_t i = 0; i < worker_count_; ++i) workers_.emplace_back([this] { run_worker(); });
  } catch (const std::system_error& failure) {
    stop();
    return Status::internal(std::string("the cluster's threads cannot start: ") + failure.what());
  }
  return {};
}

void AsioLoop::stop() {
  FERRO_ASSERT(!is_current(), "a loop cannot stop itself");
  {
    const std::lock_guard lock(jobs_mutex_);
    jobs_ended_ = true;
  }
  jobs_changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  context_->stop();
  if (thread_.joinable()) thread_.join();
  std::vector<Work> dropped_work;
  std::deque<Work> dropped_jobs;
  {
    const std::lock_guard lock(inbox_mutex_);
    ended_ = true;
    running_ = false;
    dropped_work.swap(inbox_);
  }
  const std::lock_guard lock(jobs_mutex_);
  dropped_jobs.swap(jobs_);
}

void AsioLoop::run() {
  sync::set_thread_role("cluster", sync::ThreadRole::serving);
  // OpenSSL writes to sockets without saying that a closed one is no reason to die.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  // Whoever is ready to run on this core goes first after a busy turn: the log that answers, those who read
  // requests. What they do makes one turn then, with one wake-up, instead of several; without anybody else it
  // costs a system call. After a turn with little to do not: a lone request would wait behind whatever else
  // keeps the core busy.
  end_turn();  // of what was done before the start
  while (context_->run_one() > 0) {
    run_turn();
    if (std::exchange(turn_works_, 0) >= kBusyTurnWorks) std::this_thread::yield();
  }
}

// The first handler has run already.
void AsioLoop::run_turn() {
  ++turn_works_;
  for (size_t ran = 1; ran < kTurnHandlersMax && context_->poll_one() > 0; ++ran) ++turn_works_;
  end_turn();
}

void AsioLoop::end_turn() {
  for (Work& work : std::exchange(turn_ends_, {})) work();
  if (!turn_ends_.empty()) asio::post(*context_, [] {});  // there is to be another turn, for its end
}

void AsioLoop::at_end_of_turn(Work work) {
  turn_ends_.push_back(std::move(work));
}

bool AsioLoop::is_current() const {
  return context_->get_executor().running_in_this_thread();
}

void AsioLoop::post(Work work) {
  bool is_first = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (ended_) return;
    is_first = inbox_.empty();
    inbox_.push_back(std::move(work));
  }
  if (is_first) asio::post(*context_, [this] { run_inbox(); });
}

void AsioLoop::run_inbox() {
  std::vector<Work> works;
  {
    const std::lock_guard lock(inbox_mutex_);
    works.swap(inbox_);
  }
  turn_works_ += works.size();
  for (Work& work : works) {
    work();
    work = nullptr;  // what it holds goes before the next runs
  }
}

void AsioLoop::run_and_wait(const std::function<void()>& work) {
  bool is_running = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    is_running = running_;
  }
  if (!is_running || is_current()) return work();
  struct Wait {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_over = false, has_run = false;
  };
  // Told when the posted work has run or was dropped.
  struct Over {
    std::shared_ptr<Wait> wait;
    ~Over() {
      const std::lock_guard lock(wait->mutex);
      wait->is_over = true;
      wait->changed.notify_one();
    }
  };
  const auto wait = std::make_shared<Wait>();
  auto over = std::make_shared<Over>();
  over->wait = wait;
  post([over = std::move(over), &work] {
    work();
    over->wait->has_run = true;
  });
  std::unique_lock lock(wait->mutex);
  wait->changed.wait(lock, [&wait] { return wait->is_over; });
  if (!wait->has_run) work();  // the loop has ended meanwhile, and its thread with it
}

void AsioLoop::offload(Work work) {
  {
    const std::lock_guard lock(jobs_mutex_);
    if (jobs_ended_) return;
    jobs_.push_back(std::move(work));
  }
  jobs_changed_.notify_one();
}

void AsioLoop::run_worker() {
  sync::set_thread_role("cluster-work", sync::ThreadRole::serving);
  while (true) {
    Work job;
    {
      std::unique_lock lock(jobs_mutex_);
      jobs_changed_.wait(lock, [this] { return jobs_ended_ || !jobs_.empty(); });
      if (jobs_ended_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

AsioLoop::TimerId AsioLoop::after(int64_t delay_ms, Work work) {
  const int64_t due_ns = clock_.steady_ns() + std::max<int64_t>(0, delay_ms) * 1'000'000;
  const TimerId id = timers_.add(due_ns, std::move(work));
  arm_timer();
  return id;
}

void AsioLoop::cancel(TimerId timer) {
  timers_.cancel(timer);
}

// A timer that was cancelled may still wake the loop, for nothing.
void AsioLoop::arm_timer() {
  const auto due_ns = timers_.next_due();
  if (!due_ns || (armed_ns_ != 0 && armed_ns_ <= *due_ns)) return;
  armed_ns_ = *due_ns;
  const int64_t left_ns = std::max<int64_t>(0, *due_ns - clock_.steady_ns());
  timer_->timer.expires_after(std::chrono::nanoseconds(left_ns));
  timer_->timer.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_timer();
  });
}

void AsioLoop::on_timer() {
  armed_ns_ = 0;
  // Timers that are set meanwhile wait for the next turn: they cannot keep the loop from its sockets.
  const int64_t now_ns = clock_.steady_ns();
  while (auto due = timers_.take(now_ns)) due->item();
  arm_timer();
}

uint64_t AsioLoop::random() {
  return crypto::random_u64();
}

}  // namespace ferro::node::cluster
