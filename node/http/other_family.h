// Whether the same port is taken in the other IP family, where a client that asks for "localhost" could mean
// either: binding 127.0.0.1 does not keep another process off ::1.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "common/base/status.h"

namespace ferro::node::http {

// `own`: where this process listens already, so that of two that start together one sees the other. Only for
// 0.0.0.0 and the loopback addresses; other addresses are never mistaken for each other. failed_precondition
// if somebody takes connections there; ok where the other family is not available.
Status check_other_family(const boost::asio::ip::tcp::endpoint& own);

}  // namespace ferro::node::http
