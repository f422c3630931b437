// What a client sees of HTTP, through real sockets.
#include <gtest/gtest.h>

#include <thread>

#include "common/base/limits.h"
#include "tests/unit/node/http/test_server.h"

namespace ferro::node::http {
namespace {

TEST(ProtocolTest, AnswersAndKeepsTheConnection) {
  TestServer server;
  Client client = server.connect();
  for (int i = 0; i < 3; ++i) {
    client.send(post("/echo?a=b", "hello", "Authorization: Bearer t\r\n"));
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U);
    EXPECT_EQ(answer->body, "POST /echo a=b Bearer t hello");
    EXPECT_EQ(answer->header("content-type"), "text/plain");
    EXPECT_EQ(answer->header("connection"), "");
    EXPECT_TRUE(answer->header("date").ends_with(" GMT"));
  }
  EXPECT_EQ(server.server().figures().requests_total, 3U);
  EXPECT_EQ(server.server().figures().connections_total, 1U);
  EXPECT_EQ(server.server().figures().requests_in_flight, 0U);
}

TEST(ProtocolTest, ConnectionCloseAndHttp10End) {
  TestServer server;
  for (const char* request :
       {"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /echo HTTP/1.0\r\n\r\n"}) {
    Client client = server.connect();
    const auto answer = client.send(request).receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U);
    EXPECT_EQ(answer->header("connection"), "close");
    EXPECT_TRUE(client.is_closed());
  }
  Client kept = server.connect();
  for (int i = 0; i < 2; ++i) {
    const auto answer = kept.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header("connection"), "keep-alive");
    EXPECT_TRUE(answer->head.starts_with("HTTP/1.0 200"));
  }
}

TEST(ProtocolTest, NothingBehindAClosingRequestIsServed) {
  TestServer server;
  Client client = server.connect();
  client.send("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + post("/echo", "smuggled"));
  ASSERT_TRUE(client.receive());
  client.close_send();
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server.server().figures().requests_total, 1U);
}

TEST(ProtocolTest, HeadHasTheHeadersOfGetAndNoBody) {
  TestServer server;
  Client client = server.connect();
  const auto head = client.send("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n").receive(true);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->header("content-length"), std::to_string(std::string("HEAD /echo   ").size()));
  const auto next = client.send(get("/echo")).receive();
  ASSERT_TRUE(next) << "a body would have been taken for the next answer";
  EXPECT_EQ(next->status, 200U);
}

TEST(ProtocolTest, EveryAnswerCarriesARequestId) {
  TestServer server;
  Client client = server.connect();
  EXPECT_EQ(client.send(get("/echo", "x-request-ID: mine-1\r\n")).receive()->header("x-request-id"),
            "mine-1");
  const auto made = client.send(get("/echo", "X-Request-Id: not\tfit\r\n")).receive()->header("x-request-id");
  EXPECT_EQ(made.size(), 24U);
  EXPECT_NE(client.send(get("/echo")).receive()->header("x-request-id"), made);
  // Refusals too, with the caller's where it was read.
  EXPECT_EQ(client.send("GET / HTTP/1.1\r\nX-Request-Id: mine-2\r\n\r\n").receive()->header("x-request-id"),
            "mine-2");
  EXPECT_EQ(server.connect().send("garbage\r\n").receive()->header("x-request-id").size(), 24U);
}

TEST(ProtocolTest, AContentEncodingThatCompressesNothingIsNoReasonToRefuse) {
  TestServer server;
  Client client = server.connect();
  for (const char* value : {"identity", "utf-8", ""}) {
    const std::string header = std::string("Content-Encoding: ") + value + "\r\n";
    EXPECT_EQ(client.send(post("/echo", "one", header)).receive()->body, "POST /echo   one") << value;
  }
}

TEST(ProtocolTest, ByteByByte) {
  TestServer server;
  Client client = server.connect();
  const std::string bytes =
      post("/echo", "one", "X-Request-Id: r\r\n") +
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n";
  for (const char byte : bytes) client.send({&byte, 1});
  EXPECT_EQ(client.receive()->body, "POST /echo   one");
  EXPECT_EQ(client.receive()->body, "POST /echo   two");
}

TEST(ProtocolTest, LargeBodiesBothWays) {
  TestServer server;
  Client client = server.connect();
  const std::string body(8 << 20, 'y');
  // The answer is as large as the request: reading and writing at once would block a client of one thread.
  std::thread sender([&] { client.send(post("/echo", body) + get("/echo")); });
  const auto answer = client.receive();
  sender.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "POST /echo   " + body);
  EXPECT_EQ(client.receive()->status, 200U);
}

TEST(ProtocolTest, LargeChunkedBody) {
  TestServer server;
  Client client = server.connect();
  std::string bytes = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", body;
  for (int i = 0; i < 40; ++i) {
    body += std::string(50'000, static_cast<char>('a' + i % 26));
    bytes += "c350\r\n" + body.substr(body.size() - 50'000) + "\r\n";
  }
  client.send(bytes + "0\r\n\r\n");
  EXPECT_EQ(client.receive()->body, "POST /echo   " + body);
}

TEST(ProtocolTest, ContinueComesBeforeTheBody) {
  TestServer server;
  Client client = server.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 100U);
  EXPECT_EQ(client.send("abc").receive()->body, "POST /echo   abc");
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 100U);
  EXPECT_EQ(client.send("1\r\nd\r\n0\r\n\r\n").receive()->body, "POST /echo   d");
}

TEST(ProtocolTest, NoContinueForABodyThatWillBeRefusedOrIsThere) {
  TestServer server({.max_body_bytes = 1000});
  Client client = server.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive()->status, 413U);
  Client eager = server.connect();
  EXPECT_EQ(eager.send(post("/echo", "abc", "Expect: 100-continue\r\n")).receive()->status, 200U);
}

TEST(ProtocolTest, ContinueWaitsForEarlierAnswers) {
  TestServer server;
  Client client = server.connect();
  client.send(get("/hold") +
              "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  auto held = server.service().take_held(1);
  held[0].second(text("first"));
  EXPECT_EQ(client.receive()->body, "first");
  EXPECT_EQ(client.receive()->status, 100U);
  EXPECT_EQ(client.send("x").receive()->status, 200U);
}

TEST(ProtocolTest, PipelinedAnswersComeInOrderWhateverTheOrderOfReplies) {
  TestServer server({.threads = 2});
  Client client = server.connect();
  constexpr size_t kCount = limits::kPipelinedRequestsMax;
  std::string bytes;
  for (size_t i = 0; i < kCount; ++i) bytes += get("/hold" + std::to_string(i));
  client.send(bytes + get("/echo"));
  auto held = server.service().take_held(kCount);
  ASSERT_EQ(held.size(), kCount) << "no more are taken while that many are owed";
  // From two threads, the last one first.
  std::thread even([&] {
    for (size_t i = kCount; i-- > 0;) {
      if (i % 2 == 0) held[i].second(text(held[i].first));
    }
  });
  for (size_t i = kCount; i-- > 0;) {
    if (i % 2 == 1) held[i].second(text(held[i].first));
  }
  even.join();
  for (size_t i = 0; i < kCount; ++i) EXPECT_EQ(client.receive()->body, "/hold" + std::to_string(i));
  EXPECT_EQ(client.receive()->body, "GET /echo   ");
}

// "Insert, then query" on one connection must find what was inserted.
TEST(ProtocolTest, APipelinedRequestWaitsForAnUnsafeOneBeforeIt) {
  TestServer server;
  Client client = server.connect();
  client.send(post("/hold1", "a") + post("/hold2", "b") + get("/hold3") + get("/hold4"));
  auto first = server.service().take_held(1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].first, "/hold1");
  first[0].second(text("1"));
  auto second = server.service().take_held(1);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].first, "/hold2");
  second[0].second(text("2"));
  auto reads = server.service().take_held(2);
  ASSERT_EQ(reads.size(), 2U) << "safe methods run side by side";
  reads[1].second(text("4"));
  reads[0].second(text("3"));
  for (const char* body : {"1", "2", "3", "4"}) EXPECT_EQ(client.receive()->body, body);
}

TEST(ProtocolTest, ManyPipelinedRequestsInOneSegment) {
  TestServer server;
  Client client = server.connect();
  std::string bytes;
  for (int i = 0; i < 200; ++i) bytes += post("/echo", std::to_string(i));
  client.send(bytes);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.receive()->body, "POST /echo   " + std::to_string(i));
}

TEST(ProtocolTest, LargeAnswersArePacedByASlowReader) {
  TestServer server;
  Client client = server.connect();
  client.send(get("/large") + get("/large") + get("/echo"));
  EXPECT_EQ(client.receive()->body.size(), size_t{8} << 20);
  EXPECT_EQ(client.receive()->body.size(), size_t{8} << 20);
  EXPECT_EQ(client.receive()->body, "GET /echo   ");
}

TEST(ProtocolTest, HalfClosedClientsGetTheirAnswers) {
  TestServer server;
  Client client = server.connect();
  client.send(get("/hold") + get("/echo"));
  client.close_send();
  auto held = server.service().take_held(1);
  held[0].second(text("late"));
  EXPECT_EQ(client.receive()->body, "late");
  EXPECT_EQ(client.receive()->body, "GET /echo   ");
  EXPECT_TRUE(client.is_closed());
}

TEST(ProtocolTest, ABadRequestOfTheServiceLeavesTheConnectionOpen) {
  TestServer server;
  Client client = server.connect();
  EXPECT_EQ(client.send(post("/bad", "{")).receive()->status, 400U);
  EXPECT_EQ(client.send(get("/echo")).receive()->status, 200U);
}

TEST(ProtocolTest, HandlersThatThrowOrForgetAnswer500) {
  TestServer server;
  Client client = server.connect();
  EXPECT_EQ(client.send(get("/throw")).receive()->status, 500U);
  EXPECT_EQ(client.send(get("/drop")).receive()->status, 500U);
  EXPECT_EQ(client.send(get("/echo")).receive()->status, 200U);
  EXPECT_EQ(server.server().figures().requests_in_flight, 0U);
}

TEST(ProtocolTest, LargeAnswersAreCompressedForThoseWhoAsk) {
  TestServer server;
  Client client = server.connect();
  const auto plain = client.send(get("/text")).receive();
  EXPECT_EQ(plain->header("content-encoding"), "");
  EXPECT_EQ(plain->header("vary"), "Accept-Encoding");
  const auto small = client.send(get("/text", "Accept-Encoding: gzip\r\n")).receive();
  EXPECT_EQ(small->header("content-encoding"), "gzip");
  EXPECT_EQ(small->header("vary"), "Accept-Encoding");
  EXPECT_LT(small->body.size(), plain->body.size() / 10);
  const auto refused = client.send(get("/text", "Accept-Encoding: gzip;q=0\r\n")).receive();
  EXPECT_EQ(refused->body, plain->body);
  EXPECT_EQ(client.send(get("/echo", "Accept-Encoding: gzip\r\n")).receive()->header("vary"), "");
}

}  // namespace
}  // namespace ferro::node::http
