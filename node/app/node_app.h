// The process: everything put together in order, run until a signal, taken down in reverse.
#pragma once

#include <string>
#include <vector>

#include "common/base/status.h"
#include "node/config/config.h"

namespace ferro::node::app {

// Runs the node until SIGTERM or SIGINT, then finishes what is running and returns ok. SIGHUP re-reads
// tokens, certificates and the log level; `arguments` are those of the command line, to load the
// configuration again for that. The error of a failed start says what to change. Call once, from main, before
// any other thread exists.
Status run(config::Invocation invocation, const std::vector<std::string>& arguments);

}  // namespace ferro::node::app
