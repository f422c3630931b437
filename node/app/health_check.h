// `ferrocached --health`: asks the node that this configuration describes whether it is ready, so that a
// container without a shell can have a HEALTHCHECK.
#pragma once

#include "common/base/status.h"
#include "node/config/config.h"

namespace ferro::node::app {

// GET /readyz on the configured port of this machine, over TLS if http.tls is set (the certificate is not
// verified: it is our own process we are talking to). Where clients must show certificates a finished
// handshake counts as ready. unavailable with the node's own reason if it is not ready; bounded to a few
// seconds.
Status check_health(const config::Config& config);

}  // namespace ferro::node::app
