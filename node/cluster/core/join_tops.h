// The most read entries of every namespace, out of what its owners told. Pure.
#pragma once

#include <cstddef>

#include "node/cache/cache.h"

namespace ferro::node::cluster {

// By name, each once, with its `top` most read entries: in the order of a store that holds all of them,
// whoever was asked and answered first.
void join_tops(cache::TopList& list, size_t top);

}  // namespace ferro::node::cluster
