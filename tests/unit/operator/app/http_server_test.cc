#include "operator/app/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace ferro::oper::app {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

std::unique_ptr<HttpServer> serve() {
  return HttpServer::start(
             {"127.0.0.1", 0},
             [](std::string_view path) {
               return path == "/metrics" ? HttpReply{200, "text/plain", "figures\n"} : HttpReply{};
             })
      .value();
}

// What the server sends until it ends the connection.
std::string ask(const HttpServer& server, const std::string& request) {
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect({asio::ip::address_v4::loopback(), server.port()});
  boost::system::error_code ignored;
  asio::write(socket, asio::buffer(request), ignored);
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), ignored);
  return answer;
}

TEST(HttpServer, AnswersItsPaths) {
  const auto server = serve();
  const std::string answer =
      ask(*server, "GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("figures"));
  EXPECT_THAT(ask(*server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask(*server, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 405"));
}

TEST(HttpServer, OneConnectionCarriesSeveralRequests) {
  const auto server = serve();
  const std::string answer = ask(*server,
                                 "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
                                 "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.find("figures"), answer.rfind("figures", answer.size() / 2));
  EXPECT_NE(answer.find("figures"), answer.rfind("figures"));
}

TEST(HttpServer, RubbishEndsItsConnectionAndNoOther) {
  const auto server = serve();
  EXPECT_EQ(ask(*server, "\x16\x03\x01 rubbish\r\n\r\n"), "");
  EXPECT_EQ(ask(*server, "GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n"), "");
  EXPECT_EQ(ask(*server, "GET /metrics HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789"), "");
  EXPECT_THAT(ask(*server, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("figures"));
}

TEST(HttpServer, MoreConnectionsThanAllowedAreClosed) {
  const auto server = serve();
  asio::io_context io;
  std::vector<tcp::socket> idle;
  for (int i = 0; i < HttpServer::kConnectionsMax; ++i) {
    idle.emplace_back(io);
    idle.back().connect({asio::ip::address_v4::loopback(), server->port()});
  }
  EXPECT_EQ(ask(*server, ""), "");  // ended by the server, which answers nothing
}

TEST(HttpServer, AnAddressThatIsTakenIsAnError) {
  const auto server = serve();
  const auto second =
      HttpServer::start({"127.0.0.1", server->port()}, [](std::string_view) { return HttpReply{}; });
  EXPECT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), HasSubstr("port " + std::to_string(server->port())));
}

}  // namespace
}  // namespace ferro::oper::app
