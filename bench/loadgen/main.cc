// ferrobench: see options.cc for what it takes.
#include <cstdio>
#include <string>
#include <vector>

#include "bench/loadgen/options.h"
#include "bench/loadgen/report.h"
#include "bench/loadgen/runner.h"
#include "common/time/clock.h"

int main(int argc, char** argv) {
  using namespace ferro::bench::loadgen;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "--help") {
    std::fputs(usage().c_str(), stdout);
    return 0;
  }
  auto options = parse_options(arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "ferrobench: %s\n", options.status().message().c_str());
    return 2;
  }
  ferro::SystemClock clock;
  auto figures = run(*options, clock);
  if (!figures.ok()) {
    std::fprintf(stderr, "ferrobench: %s\n", figures.status().message().c_str());
    return 1;
  }
  std::puts(to_json(*options, *figures).c_str());
  return 0;
}
