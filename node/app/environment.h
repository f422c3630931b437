// What the process finds itself in: its environment as a map, for node/config, and the machine's boot.
#pragma once

#include <string>

#include "node/config/config.h"

namespace ferro::node::app {

config::Environment process_environment();

// Another one after every start of the machine's kernel, also seen from within containers. Empty if it cannot
// be read.
std::string boot_id();

}  // namespace ferro::node::app
