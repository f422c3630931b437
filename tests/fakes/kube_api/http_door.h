// The fake API server behind real sockets: HTTP/1.1 on 127.0.0.1, plain or TLS, for tests of the transport.
// A thread a connection, blocking: simple, and enough for tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/certificates.h"
#include "tests/fakes/kube_api/api_server.h"

namespace ferro::fakes::kube {

struct DoorOptions {
  bool tls = false;
  Pem certificate{};              // of the server
  std::string client_ca{};        // not empty: a client certificate by it is demanded
  uint16_t port = 0;              // 0 = any free one
  bool v6 = false;                // ::1 instead of 127.0.0.1
  int64_t bookmark_every_ms = 0;  // 0 = never
};

// Owned by the test; the server outlives it. Stops and joins everything when destroyed.
class HttpDoor {
 public:
  HttpDoor(ApiServer& server, DoorOptions options);
  ~HttpDoor();
  HttpDoor(const HttpDoor&) = delete;
  HttpDoor& operator=(const HttpDoor&) = delete;

  uint16_t port() const { return port_; }
  // "https://127.0.0.1:4711"
  std::string url() const;
  // Requests need one of these bearer tokens, else 401; none = no token is asked for.
  void accept_tokens(std::vector<std::string> tokens);
  // Breaks every connection; new ones are accepted.
  void break_connections();
  // Breaks those that wait for a request, as a server does that has had enough of an idle client.
  void close_idle_connections();
  uint64_t connections() const { return connections_; }  // accepted so far
  // Of the latest request that named a client certificate.
  std::string last_client() const;
  std::string last_host_header() const;

 private:
  struct Impl;
  class Connection;
  void accept_loop();

  ApiServer& server_;
  const DoorOptions options_;
  std::unique_ptr<Impl> impl_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> connections_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> tokens_;
  std::string last_client_, last_host_;
  std::thread acceptor_;
};

}  // namespace ferro::fakes::kube
