#include "operator/app/signals.h"

#include <csignal>
#include <ctime>

namespace ferro::oper::app {
namespace {

sigset_t stop_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void block_signals() noexcept {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a peer that left is an error code, not a death
}

bool stop_signal_within(long timeout_ms) noexcept {
  const sigset_t set = stop_signals();
  const timespec timeout{timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000};
  const int signal = sigtimedwait(&set, nullptr, &timeout);
  return signal == SIGTERM || signal == SIGINT;
}

}  // namespace ferro::oper::app
