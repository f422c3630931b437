// What the server refuses and bounds, through real sockets.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/node/http/test_server.h"

namespace ferro::node::http {
namespace {

// The connection ends with this answer; the server goes on as before.
void expect_refused(const TestServer& server, std::string_view bytes, unsigned status) {
  SCOPED_TRACE(std::string(bytes.substr(0, 60)));
  Client client = server.connect();
  const auto answer = client.send(bytes).receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, status);
  EXPECT_EQ(answer->header("connection"), "close");
  EXPECT_NE(answer->body.find("\"error\""), std::string::npos);
  EXPECT_TRUE(client.is_closed());
}

TEST(LimitsTest, RefusalsEndTheConnectionAndNothingElse) {
  const TestServer server({.max_body_bytes = 1000, .max_header_bytes = 4096});
  expect_refused(server, std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
                 400);  // a TLS greeting
  expect_refused(server, "garbage\r\n\r\n", 400);
  expect_refused(server, "GET / HTTP/1.1\r\n\r\n", 400);
  expect_refused(server, "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
  expect_refused(
      server,
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
  expect_refused(server, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400);
  expect_refused(server, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501);
  expect_refused(server, "POST / HTTP/1.1\r\nHost: a\r\nExpect: more\r\nContent-Length: 1\r\n\r\n", 417);
  expect_refused(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: GZIP\r\nContent-Length: 1\r\n\r\n",
                 415);
  expect_refused(server, get("/", "Content-Encoding: identity, br\r\n"), 415);
  expect_refused(server, get("/" + std::string(8190, 'x')), 414);
  expect_refused(server, get("/", "X: " + std::string(5000, 'x') + "\r\n"), 431);
  expect_refused(server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2001\r\n\r\n", 413);
  EXPECT_EQ(server.connect().send(get("/echo")).receive()->status, 200U);
}

TEST(LimitsTest, ARefusalComesBehindTheAnswersThatAreOwed) {
  TestServer server;
  Client client = server.connect();
  client.send(get("/hold") + "bad request\r\n\r\n");
  auto held = server.service().take_held(1);
  held[0].second(text("first"));
  EXPECT_EQ(client.receive()->body, "first");
  EXPECT_EQ(client.receive()->status, 400U);
  EXPECT_TRUE(client.is_closed());
}

TEST(LimitsTest, ABodyJustOverTheLimitLeavesTheConnectionInStep) {
  TestServer server({.max_body_bytes = 1000});
  Client client = server.connect();
  client.send(post("/echo", std::string(1500, 'x')) + get("/echo"));
  const auto answer = client.receive();
  EXPECT_EQ(answer->status, 413U);
  EXPECT_EQ(answer->header("connection"), "");
  EXPECT_EQ(client.receive()->body, "GET /echo   ");
}

// Closing with unread bytes would reset the connection and lose the answer on its way.
TEST(LimitsTest, AClientThatSendsAHugeBodySeesTheRefusal) {
  TestServer server({.max_body_bytes = 4 << 20});
  Client client = server.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  client.send(std::string(6 << 20, 'x'));  // sent whole before reading, as simple clients do
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413U);
  client.close_send();
  EXPECT_TRUE(client.is_closed());
  server.wait_until(server.server().figures().connections, 0);
}

TEST(LimitsTest, ATruncatedRequestIsForgottenQuietly) {
  TestServer server;
  for (const char* bytes :
       {"GET /ec", "GET /echo HTTP/1.1\r\nHost: a\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", ""}) {
    Client client = server.connect();
    client.send(bytes);
    client.close_send();
    EXPECT_TRUE(client.is_closed()) << bytes;
  }
  EXPECT_EQ(server.server().figures().requests_total, 0U);
}

TEST(LimitsTest, ARequestMustArriveInTime) {
  TestServer server({.read_timeout_seconds = 1});
  Client slow = server.connect();
  slow.send("GET /echo HTTP/1.1\r\nHo");
  Client body = server.connect();
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\nabc");
  Client waiting = server.connect();  // has sent nothing: idle, not slow
  for (Client* client : {&slow, &body}) {
    const auto answer = client->receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 408U);
    EXPECT_TRUE(client->is_closed());
  }
  EXPECT_EQ(waiting.send(get("/echo")).receive()->status, 200U);
}

// The refusal of a slow body goes out while the socket still reads into that body's memory.
TEST(LimitsTest, ABodyThatArrivesAfterItsRefusalGoesNowhere) {
  TestServer server({.read_timeout_seconds = 1});
  Client client = server.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
  EXPECT_EQ(client.receive()->status, 408U);
  Client other = server.connect();
  client.try_send(std::string(500'000, 'x'));
  EXPECT_EQ(other.send(post("/echo", "clean")).receive()->body, "POST /echo   clean");
}

TEST(LimitsTest, IdleConnectionsAreClosed) {
  TestServer server({.idle_timeout_seconds = 1});
  Client fresh = server.connect();
  Client used = server.connect();
  EXPECT_EQ(used.send(get("/echo")).receive()->status, 200U);
  Client busy = server.connect();
  busy.send(get("/hold"));
  auto held = server.service().take_held(1);
  EXPECT_TRUE(fresh.is_closed());
  EXPECT_TRUE(used.is_closed());
  held[0].second(text("in peace"));
  EXPECT_EQ(busy.receive()->body, "in peace") << "a connection that is owed an answer is not idle";
}

TEST(LimitsTest, ABlankLineIsNoRequest) {
  TestServer server({.read_timeout_seconds = 1, .idle_timeout_seconds = 3});
  Client client = server.connect();
  client.send("\r\n");
  EXPECT_TRUE(client.is_closed()) << "idle, not late: no 408";
}

TEST(LimitsTest, AClientThatDoesNotReadIsCutOff) {
  TestServer server({.write_timeout_seconds = 1});
  Client client = server.connect();
  client.send(get("/large") + get("/large"));
  server.wait_until(server.server().figures().connections_total, 1);
  server.wait_until(server.server().figures().connections, 0);
  EXPECT_EQ(server.server().figures().requests_total, 1U)
      << "nothing more is run while a large answer is unread";
}

TEST(LimitsTest, ASlowReaderThatGoesOnReadingIsServed) {
  TestServer server({.write_timeout_seconds = 1});
  Client client = server.connect();
  client.send(get("/large"));
  // In all it takes longer than the write timeout, but never that long without progress.
  std::string received(8 << 20, '\0');
  for (size_t at = 0, rounds = 0; at < received.size() && rounds < 64; ++rounds) {
    const ssize_t size = recv(client.socket(), received.data() + at, 1 << 18, MSG_WAITALL);
    ASSERT_GT(size, 0);
    at += static_cast<size_t>(size);
    poll(nullptr, 0, 50);  // its slowness is what is tested
  }
}

TEST(LimitsTest, MoreConnectionsThanAllowedAreTurnedAway) {
  TestServer server({.max_connections = 2});
  Client a = server.connect(), b = server.connect();
  EXPECT_EQ(a.send(get("/echo")).receive()->status, 200U);
  EXPECT_EQ(b.send(get("/echo")).receive()->status, 200U);
  Client c = server.connect();
  const auto answer = c.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503U);
  EXPECT_EQ(answer->header("retry-after"), "1");
  EXPECT_TRUE(c.is_closed());
  EXPECT_EQ(server.server().figures().connections_refused, 1U);
  { const Client gone = std::move(a); }
  server.wait_until(server.server().figures().connections, 1);
  EXPECT_EQ(server.connect().send(get("/echo")).receive()->status, 200U);
}

TEST(LimitsTest, MoreRequestsThanAllowedAreShed) {
  TestServer server({.max_inflight_requests = 1});
  Client first = server.connect(), second = server.connect();
  first.send(get("/hold"));
  auto held = server.service().take_held(1);
  const auto answer = second.send(post("/echo", "x")).receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503U);
  EXPECT_EQ(answer->header("retry-after"), "1");
  held[0].second(text("done"));
  EXPECT_EQ(first.receive()->body, "done");
  EXPECT_EQ(second.send(post("/echo", "x")).receive()->status, 200U) << "shedding keeps the connection";
  EXPECT_EQ(server.server().figures().requests_shed, 1U);
}

TEST(LimitsTest, OutOfDescriptorsAcceptingPausesAndResumes) {
  TestServer server;
  Client waiting = server.connect();
  EXPECT_EQ(waiting.send(get("/echo")).receive()->status, 200U);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = dup(waiting.socket());
  ASSERT_GE(lowest_free, 0);
  close(lowest_free);
  // Room for the client's own socket and no more.
  rlimit tight{static_cast<rlim_t>(lowest_free) + 1, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  Client late = server.connect();
  EXPECT_EQ(waiting.send(get("/echo")).receive()->status, 200U) << "others are served";
  EXPECT_TRUE(late.send(get("/echo")).is_quiet());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(late.receive()->status, 200U);
}

}  // namespace
}  // namespace ferro::node::http
