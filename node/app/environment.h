// What the process finds itself in: its environment as a map, for node/config, and the machine's boot.
#pragma once

#include <string>
#include <vector>

#include "node/config/config.h"

namespace ferro::node::app {

config::Environment process_environment();

// The command line of the process that a container starts first.
inline constexpr const char* kFirstProcess = "/proc/1/cmdline";
// The arguments of the node whose command line (words that each end in a zero byte) is the content of this
// file; none if it cannot be read or is another program's.
std::vector<std::string> arguments_of_node(const std::string& command_line_file);

// Another one after every start of the machine's kernel, also seen from within containers. Empty if it cannot
// be read.
std::string boot_id();

}  // namespace ferro::node::app
