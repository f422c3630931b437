// ferrocached: reads its configuration, then does what the command line asked for.
#include <sys/prctl.h>

#include <cstdio>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "node/app/environment.h"
#include "node/app/health_check.h"
#include "node/app/node_app.h"
#include "node/app/security_files.h"
#include "node/app/version.h"
#include "node/config/config.h"

namespace {

enum ExitCode : int { kExitOk = 0, kExitFailed = 1, kExitUsage = 2 };

int report(const ferro::Status& status, int code) {
  std::fprintf(stderr, "ferrocached: %s\n", status.message().c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using ferro::node::config::Mode;
  // Tokens and private keys live in this process: no core dump, no attaching by others of the same user.
  ::prctl(PR_SET_DUMPABLE, 0);

  std::vector<std::string> arguments(argv + 1, argv + argc);
  // A container's HEALTHCHECK has fixed words: it means the node of this container, with that one's
  // arguments.
  if (arguments == std::vector<std::string>{"--health"}) {
    const auto first = ferro::node::app::arguments_of_node(ferro::node::app::kFirstProcess);
    arguments.insert(arguments.end(), first.begin(), first.end());
  }
  auto loaded = ferro::node::config::load(arguments, ferro::node::app::process_environment());
  if (!loaded.ok()) return report(loaded.status(), kExitUsage);

  switch (loaded->mode) {
    case Mode::help:
      std::fputs(ferro::node::config::help_text().c_str(), stdout);
      return kExitOk;
    case Mode::version:
      std::printf("ferrocached %s\n", ferro::node::app::kVersion);
      return kExitOk;
    case Mode::print_config:
      std::fputs(loaded->printed.c_str(), stdout);
      return kExitOk;
    case Mode::check_config: {
      const auto complaints = ferro::node::app::check_files(loaded->config, ferro::SystemClock());
      if (!complaints.ok()) return report(complaints.status(), kExitUsage);
      for (const std::string& one : *complaints) std::fprintf(stderr, "warning: %s\n", one.c_str());
      std::puts("the configuration is valid");
      return kExitOk;
    }
    case Mode::health: {
      const ferro::Status health = ferro::node::app::check_health(loaded->config);
      if (!health.ok()) return report(health, kExitFailed);
      std::puts("ready");
      return kExitOk;
    }
    case Mode::run:
      break;
  }
  const ferro::Status ended = ferro::node::app::run(*std::move(loaded), arguments);
  return ended.ok() ? kExitOk : report(ended, kExitFailed);
}
