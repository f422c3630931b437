#include "clients/ferroctl/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <optional>
#include <string_view>
#include <utility>

namespace ferro::ferroctl {
namespace {

constexpr size_t kErrorBytesShown = 1000;
constexpr size_t kGreetingBytesMax = 64U << 10;  // before the line that a companion is waited for
constexpr int64_t kGraceMs = 2000;               // between SIGTERM and SIGKILL
constexpr int kReapTickMs = 5;                   // an ended program has closed its output just before
constexpr int kCodeUnknown = 128;
constexpr std::string_view kTokenSetting = "FERROCACHE_AUTH_TOKEN=";

// Programs that run now: they are ended when a signal ends this process, for nobody else would. A forwarded
// port would stay open for ever.
constexpr size_t kChildrenMax = 8;  // a forwarded port and one more
std::array<std::atomic<int>, kChildrenMax> children{};
static_assert(std::atomic<int>::is_always_lock_free, "read by a signal's handler");

void end_with_children(int number) {
  for (const std::atomic<int>& child : children) {
    const int pid = child.load();
    if (pid > 0) ::kill(pid, SIGTERM);
  }
  ::raise(number);  // once more, now with what it does by default
}

// Signals that were ignored stay so (nohup), others' handlers too.
void watch_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    if (::sigaction(number, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
    struct sigaction ours {};
    ours.sa_handler = end_with_children;
    ours.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(number, &ours, nullptr);
  }
}

void replace_child(int former, int now) {
  for (std::atomic<int>& child : children) {
    int expected = former;
    if (child.compare_exchange_strong(expected, now)) return;
  }
}

class Deadline {
 public:
  explicit Deadline(int64_t wait_ms) : wait_ms_(wait_ms), at_(Clock::now() + Milliseconds(wait_ms)) {}
  // For poll(); 0 when it is over.
  int left_ms() const {
    const auto left = std::chrono::ceil<Milliseconds>(at_ - Clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
  }
  Status missed(const std::string& what) const {
    return Status::unreachable(what + " within " + std::to_string(wait_ms_) + " ms");
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;
  int64_t wait_ms_;
  Clock::time_point at_;
};

struct Pipe {
  Descriptor read, write;
  static Result<Pipe> make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Status::from_errno(errno, "cannot make a pipe");
    return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  }
};

// This process's without its token, which is for caches alone.
std::vector<char*> environment() {
  std::vector<char*> all;
  for (char** one = environ; *one != nullptr; ++one) {
    if (!std::string_view(*one).starts_with(kTokenSetting)) all.push_back(*one);
  }
  all.push_back(nullptr);
  return all;
}

Result<int> spawn(const std::vector<std::string>& words, int output, int error) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  watch_signals();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
  pid_t pid = 0;
  const int failed =
      ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environment().data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT)
    return Status::not_found("the program " + words[0] + " is not installed or not in PATH");
  if (failed != 0) return Status::from_errno(failed, "cannot run " + words[0]);
  replace_child(0, pid);
  return static_cast<int>(pid);
}

// Its exit code, as a shell counts it; none if it still runs at the deadline.
std::optional<int> wait_for(int pid, const Deadline& deadline) {
  for (;;) {
    int status = 0;
    const pid_t got = ::waitpid(pid, &status, WNOHANG);
    if (got == pid) {
      replace_child(pid, 0);
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (got < 0 && errno != EINTR) return kCodeUnknown;
    const int left_ms = deadline.left_ms();
    if (left_ms == 0) return std::nullopt;
    ::poll(nullptr, 0, std::min(left_ms, kReapTickMs));
  }
}

void end(int pid) {
  for (const int asked : {SIGTERM, SIGKILL}) {
    ::kill(pid, asked);
    if (wait_for(pid, Deadline(kGraceMs))) return;
  }
}

// Reads both until both end.
Status drain(const std::string& name, int output, int error, const Deadline& deadline, std::string& said,
             std::string& complained) {
  std::array<pollfd, 2> ends{{{output, POLLIN, 0}, {error, POLLIN, 0}}};
  std::array<char, 65'536> part;
  for (int open = 2; open > 0;) {
    const int left_ms = deadline.left_ms();
    if (left_ms == 0) return deadline.missed(name + " did not end");
    if (::poll(ends.data(), ends.size(), left_ms) < 0) {
      if (errno == EINTR) continue;
      return Status::from_errno(errno, "cannot read what " + name + " prints");
    }
    for (size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const ssize_t got = ::read(ends[i].fd, part.data(), part.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        ends[i].fd = -1;
        --open;
        continue;
      }
      std::string& into = i == 0 ? said : complained;
      into.append(part.data(), static_cast<size_t>(got));
    }
    if (said.size() > kOutputBytesMax) {
      return {StatusCode::too_large,
              name + " printed more than " + std::to_string(kOutputBytesMax >> 20) + " MiB"};
    }
    if (complained.size() > kErrorBytesShown) complained.erase(0, complained.size() - kErrorBytesShown);
  }
  return {};
}

// Of a companion: why, and the beginning of what it said.
Status not_ready(std::string why, const std::string& said) {
  if (!said.empty()) why.append(": ").append(said, 0, kErrorBytesShown);
  return Status::unreachable(std::move(why));
}

// Until the program closes its end or the other end of `stop` is closed. A program whose output nobody reads
// stops when a pipe is full.
void discard(int output, const Descriptor& stop) {
  std::array<pollfd, 2> ends{{{output, POLLIN, 0}, {stop.get(), POLLIN, 0}}};
  std::array<char, 4096> part;
  while (ends[1].revents == 0) {
    if (::poll(ends.data(), ends.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (ends[0].revents == 0) continue;
    const ssize_t got = ::read(output, part.data(), part.size());
    if (got == 0 || (got < 0 && errno != EINTR)) return;
  }
}

}  // namespace

void Descriptor::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<std::string> run_program(const std::vector<std::string>& words, int64_t wait_ms) {
  FERRO_ASSIGN_OR_RETURN(Pipe output, Pipe::make());
  FERRO_ASSIGN_OR_RETURN(Pipe error, Pipe::make());
  FERRO_ASSIGN_OR_RETURN(const int pid, spawn(words, output.write.get(), error.write.get()));
  output.write.close();
  error.write.close();
  const Deadline deadline(wait_ms);
  std::string said, complained;
  Status status = drain(words[0], output.read.get(), error.read.get(), deadline, said, complained);
  std::optional<int> code;
  if (status.ok()) {
    code = wait_for(pid, deadline);
    if (!code) status = deadline.missed(words[0] + " did not end");
  }
  if (!code) end(pid);
  while (!complained.empty() && complained.back() == '\n') complained.pop_back();
  const std::string reason = complained.empty() ? "" : ": " + complained;
  if (!status.ok()) return Status(status.code(), status.message() + reason);
  if (*code != 0) return Status::internal(words[0] + " ended with " + std::to_string(*code) + reason);
  return said;
}

Result<Companion> Companion::start(const std::vector<std::string>& words, const std::string& sign,
                                   int64_t wait_ms) {
  FERRO_ASSIGN_OR_RETURN(Pipe output, Pipe::make());
  FERRO_ASSIGN_OR_RETURN(const int pid, spawn(words, output.write.get(), output.write.get()));
  output.write.close();
  Companion companion(pid, std::move(output.read));
  FERRO_RETURN_IF_ERROR(companion.read_line(words[0], sign, wait_ms));
  FERRO_RETURN_IF_ERROR(companion.read_on());
  return companion;
}

Status Companion::read_line(const std::string& name, const std::string& sign, int64_t wait_ms) {
  const Deadline deadline(wait_ms);
  std::string said;
  std::array<char, 4096> part;
  size_t at = std::string::npos;
  while (at == std::string::npos || said.find('\n', at) == std::string::npos) {
    pollfd end{output_.get(), POLLIN, 0};
    const int left_ms = deadline.left_ms();
    if (left_ms == 0) return not_ready(deadline.missed(name + " was not ready").message(), said);
    const int ready = ::poll(&end, 1, left_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t got = ready < 0 ? -1 : ::read(output_.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return not_ready(name + " ended at once", said);
    said.append(part.data(), static_cast<size_t>(got));
    if (said.size() > kGreetingBytesMax) return not_ready(name + " prints something else", said);
    at = said.find(sign);
  }
  const size_t before = said.rfind('\n', at);
  const size_t begin = before == std::string::npos ? 0 : before + 1;
  line_ = said.substr(begin, said.find('\n', at) - begin);
  return {};
}

Status Companion::read_on() {
  FERRO_ASSIGN_OR_RETURN(Pipe stop, Pipe::make());
  stop_ = std::move(stop.write);
  reader_ = std::thread([output = output_.get(), stop = std::move(stop.read)] { discard(output, stop); });
  return {};
}

Companion::Companion(Companion&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::move(other.output_)),
      stop_(std::move(other.stop_)),
      line_(std::move(other.line_)),
      reader_(std::move(other.reader_)) {}

Companion::~Companion() {
  if (pid_ > 0) end(pid_);
  stop_.close();
  if (reader_.joinable()) reader_.join();
}

}  // namespace ferro::ferroctl
