// HTTP/1.1 server on Boost.Beast: one single-threaded io_context a core, SO_REUSEPORT acceptors, a connection
// lives and dies on its core. Plain TCP or TLS. Bounds on headers, body, pipelining, connections, requests in
// flight and time are all on by default. docs/connections.md.
//
// Owned by app. start() opens the port (a second process on it is refused), stop() is two-step: no new
// connections or requests, then the running ones finish (up to the timeout), then the threads are joined.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "node/http/message.h"
#include "node/security/server_tls.h"

namespace ferro::node::http {

struct ServerOptions {
  std::string bind = "0.0.0.0";
  uint16_t port = 3000;  // 0 = any free one (tests)
  size_t threads = 0;    // 0 = cores
  size_t max_connections = 10'000;
  size_t max_body_bytes = 33'554'432, max_header_bytes = 65'536;
  size_t max_inflight_requests = 4096;
  uint64_t read_timeout_seconds = 30, write_timeout_seconds = 30, idle_timeout_seconds = 120;
  uint64_t shutdown_timeout_seconds = 20;
  security::ServerTls* tls = nullptr;  // null = plain HTTP; outlives the server
};

struct ServerFigures {
  std::atomic<uint64_t> connections{0}, connections_total{0}, connections_refused{0};
  std::atomic<uint64_t> requests_total{0}, requests_in_flight{0}, requests_shed{0}, requests_refused{0};
};

class Server {
 public:
  // `service` outlives the server.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Service& service);
  virtual ~Server() = default;  // after stop()
  virtual void stop() = 0;      // idempotent
  // The same with another patience than options.shutdown_timeout_seconds.
  virtual void stop_within(uint64_t timeout_seconds) = 0;
  virtual uint16_t port() const = 0;
  virtual const ServerFigures& figures() const = 0;
};

}  // namespace ferro::node::http
