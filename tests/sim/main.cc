// The simulator as a program: runs seeds, prints what fails and how to see it again.
//
//   simulator --from 1 --seeds 1000 [--nodes N] [--verbose] [--jobs N] [--seconds S]
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/obs/log.h"
#include "tests/sim/run.h"

namespace {

using ferro::sim::RunOptions;
using ferro::sim::RunReport;

constexpr uint64_t kFailuresShownMax = 20;

struct Arguments {
  uint64_t from = 1, seeds = 100, nodes = 0, jobs = 1, seconds = 0;
  bool verbose = false, again = false;
};

struct Totals {
  uint64_t runs = 0, failed = 0, with_splits = 0, events = 0, requests = 0, judged = 0, virtual_ms = 0,
           healing_ms_max = 0;
};

std::optional<Arguments> parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--verbose") {
      arguments.verbose = true;
      continue;
    }
    if (words[i] == "--again") {
      arguments.again = true;
      continue;
    }
    uint64_t* number = nullptr;
    if (words[i] == "--from") number = &arguments.from;
    if (words[i] == "--seeds") number = &arguments.seeds;
    if (words[i] == "--nodes") number = &arguments.nodes;
    if (words[i] == "--jobs") number = &arguments.jobs;
    if (words[i] == "--seconds") number = &arguments.seconds;
    if (number == nullptr || ++i == words.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(words[i].data(), words[i].data() + words[i].size(), *number);
    if (error != std::errc() || end != words[i].data() + words[i].size()) return std::nullopt;
  }
  return arguments;
}

// Seeds first, first + jobs, ... of those asked for. The number of failures.
uint64_t run_share(const Arguments& arguments, uint64_t first) {
  Totals totals;
  const auto started = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  };
  for (uint64_t seed = arguments.from + first; seed < arguments.from + arguments.seeds;
       seed += arguments.jobs) {
    if (arguments.seconds > 0 && elapsed() > static_cast<double>(arguments.seconds)) break;
    const RunOptions options{seed, arguments.nodes, arguments.verbose, {}};
    const RunReport report = ferro::sim::run_seed(options);
    ++totals.runs;
    totals.with_splits += report.splits > 0 ? 1 : 0;
    totals.events += report.events;
    totals.requests += report.requests;
    totals.judged += report.judged;
    totals.virtual_ms += static_cast<uint64_t>(report.virtual_ms);
    totals.healing_ms_max = std::max(totals.healing_ms_max, static_cast<uint64_t>(report.healing_ms));
    std::string failure = report.failure;
    if (failure.empty() && arguments.again && ferro::sim::run_seed(options).trace != report.trace) {
      failure = "seed " + std::to_string(seed) + " does not replay: a second run took another course\n";
    }
    if (failure.empty()) continue;
    std::cout << "FAILED " << failure << std::endl;
    if (++totals.failed == kFailuresShownMax) break;
  }
  std::cout << totals.runs << " seeds, " << totals.failed << " failed; " << totals.events << " events, "
            << totals.with_splits << " with splits, " << totals.requests << " requests, " << totals.judged
            << " reads judged, " << totals.virtual_ms / 1000 << " s of virtual time in " << elapsed()
            << " s; longest healing " << totals.healing_ms_max << " ms" << std::endl;
  return totals.failed;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse({argv + 1, argv + argc});
  if (!arguments || arguments->jobs == 0) {
    std::cerr << "usage: simulator [--from N] [--seeds N] [--nodes N] [--jobs N] [--seconds N] [--again] "
                 "[--verbose]\n";
    return 2;
  }
  ferro::obs::set_level(ferro::obs::Level::off);
  if (arguments->jobs == 1) return run_share(*arguments, 0) == 0 ? 0 : 1;
  // A process each: a run owns its process's randomness.
  for (uint64_t job = 0; job < arguments->jobs; ++job) {
    const pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) _exit(run_share(*arguments, job) == 0 ? 0 : 1);
  }
  bool good = true;
  for (int status = 0; wait(&status) > 0;) good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return good ? 0 : 1;
}
