// Rules that concern several keys at once, or what this version can do. docs/configuration.md, "Rules between
// keys".
#pragma once

#include "common/base/status.h"
#include "node/config/config.h"

namespace ferro::node::config {

// The first rule that is broken, as one line that names the keys.
Status check_combinations(const Config& config);

}  // namespace ferro::node::config
