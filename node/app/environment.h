// The process's environment as a map, for node/config.
#pragma once

#include "node/config/config.h"

namespace ferro::node::app {

config::Environment process_environment();

}  // namespace ferro::node::app
