#include "bench/loadgen/runner.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <deque>
#include <string>
#include <vector>

#include "bench/loadgen/connection.h"
#include "bench/loadgen/workload.h"
#include "common/sync/thread_role.h"

namespace ferro::bench::loadgen {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr size_t kPreloadBatch = 200;
constexpr int64_t kLongestWaitNs = kSecondNs / 10;
constexpr int64_t kDrainNs = 5 * kSecondNs;  // how long the last answers may take

class Run {
 public:
  Run(const Options& options, const Clock& clock) : options_(options), clock_(clock), source_(options) {}
  ~Run() {
    if (epoll_ >= 0) ::close(epoll_);
  }

  Status preload() {
    Connection connection;
    FERRO_RETURN_IF_ERROR(connection.open(options_.host, options_.port));
    const int64_t started = clock_.steady_ns();
    for (const std::string& body : source_.preload_bodies(kPreloadBatch)) {
      connection.request() = source_.head("/insert/batch", body.size()) + body;
      if (connection.start() == Connection::Progress::failed ||
          connection.wait() != Connection::Progress::answered || connection.status() != 200 ||
          connection.body().find("\"error\"") != std::string_view::npos) {
        return Status::unavailable("loading the entries failed: status " +
                                   std::to_string(connection.status()) + " " +
                                   std::string(connection.body().substr(0, 300)));
      }
    }
    figures_.preload_seconds = static_cast<double>(clock_.steady_ns() - started) / 1e9;
    return {};
  }

  Result<Figures> measure() {
    FERRO_RETURN_IF_ERROR(open_connections());
    if (options_.rate > 0.0) sync::set_thread_role("ferrobench", sync::ThreadRole::serving);
    ::prctl(PR_SET_TIMERSLACK, 1);  // nanoseconds; 50 us by default
    begin_ns_ = clock_.steady_ns();
    measure_from_ns_ = begin_ns_ + static_cast<int64_t>(options_.warmup_seconds * 1e9);
    end_ns_ = measure_from_ns_ + static_cast<int64_t>(options_.seconds * 1e9);
    for (size_t i = 0; i < slots_.size(); ++i) idle_.push_back(i);
    while (step()) {
    }
    figures_.seconds = options_.seconds;
    return figures_;
  }

 private:
  struct Slot {
    Connection connection;
    Kind kind = Kind::query;
    int64_t due_ns = 0;
    bool busy = false;
  };

  Status open_connections() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return Status::from_errno(errno, "epoll_create1");
    slots_.resize(options_.connections);
    for (size_t i = 0; i < slots_.size(); ++i) {
      FERRO_RETURN_IF_ERROR(slots_[i].connection.open(options_.host, options_.port));
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT | EPOLLET;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, slots_[i].connection.fd(), &event);
    }
    return {};
  }

  // One round: send what is due, wait for answers. False when all is over.
  bool step() {
    const int64_t now = clock_.steady_ns();
    if (now >= end_ns_ && (busy_ == 0 || now >= end_ns_ + kDrainNs)) return false;
    if (now < end_ns_) send_due(now);
    if (idle_.size() == slots_.size() && dead_ == slots_.size()) return false;
    std::array<epoll_event, 256> events;
    const int64_t wait = wait_ns();
    const timespec longest{wait / kSecondNs, wait % kSecondNs};
    const int ready =
        ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &longest, nullptr);
    for (int i = 0; i < ready; ++i)
      on_event(events[static_cast<size_t>(i)].data.u64, events[static_cast<size_t>(i)].events);
    return dead_ < slots_.size();
  }

  // To the microsecond: a generator that spins until the next request is due takes the core that the server
  // needs, and a scheduler makes it pay for that with waits that would be counted as the server's.
  int64_t wait_ns() const {
    if (options_.rate <= 0.0 || idle_.empty()) return kLongestWaitNs;
    return std::clamp<int64_t>(next_due_ns() - clock_.steady_ns(), 0, kLongestWaitNs);
  }

  int64_t next_due_ns() const {
    return begin_ns_ + static_cast<int64_t>(static_cast<double>(due_count_) * 1e9 / options_.rate);
  }

  void send_due(int64_t now) {
    if (options_.rate <= 0.0) {
      while (!idle_.empty()) send(clock_.steady_ns());
      return;
    }
    while (next_due_ns() <= now) {
      if (idle_.empty()) {
        ++figures_.late;
        late_since_.push_back(next_due_ns());
      } else {
        send(next_due_ns());
      }
      ++due_count_;
    }
  }

  void send(int64_t due_ns) {
    const size_t index = idle_.front();
    idle_.pop_front();
    Slot& slot = slots_[index];
    slot.connection.request().clear();
    slot.kind = source_.next(slot.connection.request());
    slot.due_ns = due_ns;
    slot.busy = true;
    ++busy_;
    if (slot.connection.start() == Connection::Progress::failed) lose(slot);
  }

  void on_event(size_t index, uint32_t events) {
    Slot& slot = slots_[index];
    if (!slot.busy) return;
    if ((events & EPOLLOUT) != 0 && slot.connection.wants_write() &&
        slot.connection.on_writable() == Connection::Progress::failed) {
      lose(slot);
      return;
    }
    const Connection::Progress progress = slot.connection.on_readable();
    if (progress == Connection::Progress::failed) lose(slot);
    if (progress != Connection::Progress::answered) return;
    record(slot);
    slot.busy = false;
    --busy_;
    idle_.push_back(index);
    const int64_t now = clock_.steady_ns();
    if (now >= end_ns_) return;
    if (!late_since_.empty()) {
      const int64_t due = late_since_.front();
      late_since_.pop_front();
      send(due);
    } else if (options_.rate <= 0.0) {
      send(now);
    }
  }

  void record(const Slot& slot) {
    const int64_t now = clock_.steady_ns();
    if (now < measure_from_ns_ || now >= end_ns_) return;
    if (slot.connection.status() != 200) {
      ++figures_.errors;
      return;
    }
    ++figures_.answered;
    if (slot.connection.body().find(source_.expected(slot.kind)) == std::string_view::npos)
      ++figures_.unexpected;
    (slot.kind == Kind::insert ? figures_.inserts : figures_.queries).add(now - slot.due_ns);
  }

  // A broken connection is counted and not replaced: a server that closes on us should show.
  void lose(Slot& slot) {
    ++figures_.errors;
    slot.busy = false;
    --busy_;
    ++dead_;
  }

  const Options options_;
  const Clock& clock_;
  RequestSource source_;
  std::vector<Slot> slots_;
  std::deque<size_t> idle_;
  std::deque<int64_t> late_since_;
  Figures figures_;
  int epoll_ = -1;
  size_t busy_ = 0, dead_ = 0;
  uint64_t due_count_ = 0;
  int64_t begin_ns_ = 0, measure_from_ns_ = 0, end_ns_ = 0;
};

}  // namespace

Result<Figures> run(const Options& options, const Clock& clock) {
  Run run(options, clock);
  if (options.preload && options.workload != Workload::raw && options.workload != Workload::insert) {
    FERRO_RETURN_IF_ERROR(run.preload());
  }
  return run.measure();
}

}  // namespace ferro::bench::loadgen
