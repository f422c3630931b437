#include "tests/unit/node/http/test_server.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <stdexcept>

namespace ferro::node::http {

std::string echo_of(const Request& request) {
  return std::string(to_string(request.method)) + " " + std::string(request.path) + " " +
         std::string(request.query) + " " + std::string(request.authorization) + " " +
         std::string(request.body);
}

Response text(std::string body, unsigned status) {
  return {status, "text/plain", std::move(body), {}};
}

void TestService::handle(const Request& request, Reply reply) {
  if (request.path.starts_with("/hold")) {
    const std::lock_guard lock(mutex_);
    held_.emplace_back(std::string(request.path), std::move(reply));
    held_changed_.notify_all();
    return;
  }
  if (request.path == "/throw") throw std::runtime_error("on purpose");
  if (request.path == "/drop") return;
  if (request.path == "/large") {
    return reply(text(std::string(std::stoul(request.parameter("mib").value_or("8")) << 20, 'x')));
  }
  if (request.path == "/text") return reply({200, "application/json", std::string(64 << 10, '7'), {}});
  if (request.path == "/peer") return reply(text(request.over_mutual_tls ? "known" : "unknown"));
  if (request.path == "/bad") return reply(text("bad input", 400));
  reply(text(echo_of(request)));
}

Response TestService::refuse(unsigned status, std::string_view reason) {
  return {status, "application/json", R"({"error":")" + std::string(reason) + R"("})", {}};
}

std::vector<std::pair<std::string, Reply>> TestService::take_held(size_t count) {
  std::unique_lock lock(mutex_);
  const bool arrived =
      held_changed_.wait_for(lock, std::chrono::seconds(60), [&] { return held_.size() >= count; });
  EXPECT_TRUE(arrived) << "held " << held_.size() << " of " << count;
  return std::exchange(held_, {});
}

ServerOptions TestServer::on_loopback(ServerOptions options) {
  options.bind = "127.0.0.1";
  options.port = 0;
  if (options.threads == 0) options.threads = 1;
  return options;
}

TestServer::TestServer(ServerOptions options) {
  auto started = Server::start(on_loopback(std::move(options)), service_);
  if (!started.ok()) throw std::runtime_error(started.status().message());
  server_ = std::move(started).value();
}

void TestServer::wait_until(const std::atomic<uint64_t>& figure, uint64_t value) const {
  constexpr int kTriesMax = 20'000;
  for (int i = 0; i < kTriesMax && figure.load() != value; ++i) poll(nullptr, 0, 1);
  EXPECT_EQ(figure.load(), value);
}

}  // namespace ferro::node::http
