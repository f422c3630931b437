// ferrocache-operator: reads what it was started with, then does it.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <string>
#include <vector>

#include "common/obs/log.h"
#include "operator/app/operator_app.h"
#include "operator/app/options.h"
#include "operator/app/signals.h"
#include "operator/app/version.h"

namespace {

constexpr int kExitUsage = 2;

int refuse(const ferro::Status& status) {
  std::fprintf(stderr, "ferrocache-operator: %s\n", status.message().c_str());
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace ferro;
  // Private keys and tokens live in this process: no core dump, no attaching by others of the same user.
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);

  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto options = oper::app::parse_options(arguments, oper::app::process_environment());
  if (!options.ok()) return refuse(options.status());
  if (options->mode == oper::app::Mode::help) {
    std::fputs(oper::app::help_text().c_str(), stdout);
    return 0;
  }
  if (options->mode == oper::app::Mode::version) {
    std::printf("ferrocache-operator %s\n", oper::app::kVersion);
    return 0;
  }
  const auto level = obs::parse_level(options->log_level);
  if (!level.ok()) return refuse(level.status());
  if (const Status logging = obs::init_logging(*level, options->log_format); !logging.ok())
    return refuse(logging);
  oper::app::block_signals();
  return oper::app::run_operator(*options);
}
