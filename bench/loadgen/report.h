// The figures of a run as one JSON object.
#pragma once

#include <string>

#include "bench/loadgen/options.h"
#include "bench/loadgen/runner.h"

namespace ferro::bench::loadgen {

std::string to_json(const Options& options, const Figures& figures);

}  // namespace ferro::bench::loadgen
