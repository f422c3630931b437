// How much memory the process may use, by what the kernel says.
#pragma once

#include <cstdint>
#include <string>

namespace ferro::node::config {

// 80 % of the smallest limit found under `root` (tests; empty = the machine): cgroup v2 and v1 limits of this
// process's group and all above it, and the machine's memory. At least 16 MiB, and 1 GiB where nothing can be
// read.
uint64_t memory_budget(const std::string& root);

}  // namespace ferro::node::config
