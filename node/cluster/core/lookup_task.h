// One lookup that this node cannot answer alone: asks the acting owner, hedges when it is slow, goes on to
// the next when it fails, and puts a conversation's two namespaces together.
#pragma once

#include "node/cluster/core/context.h"
#include "node/cluster/core/desk.h"
#include "node/cluster/wire/messages.h"

namespace ferro::node::cluster {

// Any thread; `done` once, on the loop.
void start_lookup(Context& context, Desk& desk, LookupMessage message,
                  engine::Done<engine::LookupResult> done);

}  // namespace ferro::node::cluster
