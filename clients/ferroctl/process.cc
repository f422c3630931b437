#include "clients/ferroctl/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace ferro::ferroctl {
namespace {

constexpr size_t kOutputBytesMax = 64U << 20;  // a support bundle's largest listing
constexpr size_t kErrorBytesShown = 1000;
constexpr std::string_view kTokenSetting = "FERROCACHE_AUTH_TOKEN=";

struct Pipe {
  int read = -1, write = -1;
  static Result<Pipe> make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Status::from_errno(errno, "cannot make a pipe");
    return Pipe{ends[0], ends[1]};
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
  return static_cast<int>(pid);
}

int wait_for(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Reads both until both end; beyond the bound what comes is read and dropped.
void drain(int output, int error, std::string& said, std::string& complained) {
  std::array<pollfd, 2> ends{{{output, POLLIN, 0}, {error, POLLIN, 0}}};
  std::array<char, 65'536> part;
  for (int open = 2; open > 0;) {
    if (::poll(ends.data(), ends.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
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
      if (into.size() < kOutputBytesMax) into.append(part.data(), static_cast<size_t>(got));
    }
  }
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& words) {
  FERRO_ASSIGN_OR_RETURN(const Pipe output, Pipe::make());
  FERRO_ASSIGN_OR_RETURN(const Pipe error, Pipe::make());
  const Result<int> pid = spawn(words, output.write, error.write);
  ::close(output.write);
  ::close(error.write);
  std::string said, complained;
  if (pid.ok()) drain(output.read, error.read, said, complained);
  ::close(output.read);
  ::close(error.read);
  if (!pid.ok()) return pid.status();
  const int code = wait_for(*pid);
  if (code == 0) return said;
  if (complained.size() > kErrorBytesShown) complained.erase(0, complained.size() - kErrorBytesShown);
  while (!complained.empty() && complained.back() == '\n') complained.pop_back();
  return Status::internal(words[0] + " ended with " + std::to_string(code) +
                          (complained.empty() ? "" : ": ") + complained);
}

Result<Companion> Companion::start(const std::vector<std::string>& words, const std::string& sign,
                                   int wait_ms) {
  FERRO_ASSIGN_OR_RETURN(const Pipe output, Pipe::make());
  const Result<int> pid = spawn(words, output.write, output.write);
  ::close(output.write);
  if (!pid.ok()) {
    ::close(output.read);
    return pid.status();
  }
  Companion companion(*pid, output.read, "");
  std::string said;
  std::array<char, 4096> part;
  while (said.find(sign) == std::string::npos || said.find('\n', said.find(sign)) == std::string::npos) {
    pollfd end{output.read, POLLIN, 0};
    const int ready = ::poll(&end, 1, wait_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Status::unreachable(words[0] + " did not get ready in time: " + said);
    const ssize_t got = ::read(output.read, part.data(), part.size());
    if (got <= 0) return Status::unreachable(words[0] + " ended at once: " + said);
    said.append(part.data(), static_cast<size_t>(got));
  }
  const size_t at = said.find(sign);
  const size_t begin = said.rfind('\n', at) == std::string::npos ? 0 : said.rfind('\n', at) + 1;
  companion.line_ = said.substr(begin, said.find('\n', at) - begin);
  return companion;
}

Companion::Companion(Companion&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      line_(std::move(other.line_)) {}

Companion::~Companion() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    wait_for(pid_);
  }
  if (output_ >= 0) ::close(output_);
}

}  // namespace ferro::ferroctl
