// Configuration to what the modules take.
#pragma once

#include "node/config/config.h"
#include "node/engine/engine.h"
#include "node/http/server.h"

namespace ferro::node::app {

engine::EngineOptions engine_options(const config::Config& config, bool salvage);
// Without `tls`: that object belongs to run().
http::ServerOptions server_options(const config::Config& config);

}  // namespace ferro::node::app
