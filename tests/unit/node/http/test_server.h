// A server on a free port with a service that a test scripts.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "node/http/server.h"
#include "tests/unit/node/http/client.h"

namespace ferro::node::http {

// "/echo" answers what it was asked, as text; "/hold..." keeps its Reply until the test gives it; "/throw"
// throws;
// "/drop" forgets its Reply; "/large?mib=N" answers N MiB, 8 without; "/text" 64 KiB of JSON that compresses;
// "/peer" whether mutual TLS knows the client. Thread-safe.
class TestService final : public Service {
 public:
  void handle(const Request& request, Reply reply) override;
  Response refuse(unsigned status, std::string_view reason) override;

  // Waits until that many requests are held, oldest first, and gives them out.
  std::vector<std::pair<std::string, Reply>> take_held(size_t count);

 private:
  std::mutex mutex_;  // guards held_
  std::condition_variable held_changed_;
  std::vector<std::pair<std::string, Reply>> held_;  // path and Reply
};

// The body of "/echo".
std::string echo_of(const Request& request);
Response text(std::string body, unsigned status = 200);

// Starts with short patience where a test asks for it. One thread unless the options say otherwise.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {});
  ~TestServer() { server_->stop(); }

  Client connect() const { return Client(server_->port()); }
  Server& server() { return *server_; }
  TestService& service() { return service_; }
  uint16_t port() const { return server_->port(); }
  // Waits until a figure has the value; fails the test if it does not get there.
  void wait_until(const std::atomic<uint64_t>& figure, uint64_t value) const;

  static ServerOptions on_loopback(ServerOptions options);

 private:
  TestService service_;
  std::unique_ptr<Server> server_;
};

}  // namespace ferro::node::http
