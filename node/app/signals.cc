#include "node/app/signals.h"

#include <csignal>
#include <ctime>

namespace ferro::node::app {

namespace {

sigset_t handled_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void block_signals() noexcept {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a client that left is an error code, not a death
}

Signal wait_for_signal(long timeout_ms) noexcept {
  const sigset_t set = handled_signals();
  const timespec timeout{timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000};
  switch (sigtimedwait(&set, nullptr, &timeout)) {
    case SIGTERM:
    case SIGINT:
      return Signal::stop;
    case SIGHUP:
      return Signal::reload;
    default:
      return Signal::none;
  }
}

}  // namespace ferro::node::app
