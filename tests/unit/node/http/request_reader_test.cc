#include "node/http/request_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "tests/unit/node/http/client.h"
#include "tests/unit/node/http/reader_harness.h"

namespace ferro::node::http {
namespace {

constexpr ReaderLimits kSmall{.header_bytes_max = 16'384, .body_bytes_max = 1000};

// What the bytes mean, checked to be the same however they are cut into pieces.
std::vector<Outcome> read(const std::string& bytes, ReaderLimits limits = kSmall) {
  auto whole = ReaderHarness(limits).read(bytes, bytes.size());
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{100}}) {
    SCOPED_TRACE("pieces of " + std::to_string(piece));
    EXPECT_EQ(ReaderHarness(limits).read(bytes, piece), whole);
  }
  return whole;
}

unsigned refused(const std::string& bytes, ReaderLimits limits = kSmall) {
  const auto outcomes = read(bytes, limits);
  return outcomes.size() == 1 ? outcomes[0].refused : 0;
}

std::string with_headers(const std::string& headers, const std::string& body = {}) {
  return "POST /query HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}

TEST(RequestReaderTest, ReadsTheParts) {
  const auto outcomes = read(
      "POST /insert?local=true HTTP/1.1\r\nHost: node:3000\r\nAuthorization: Bearer t\r\nX-Request-Id: "
      "abc\r\n"
      "Accept-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].method, Method::post);
  EXPECT_EQ(outcomes[0].path, "/insert");
  EXPECT_EQ(outcomes[0].query, "local=true");
  EXPECT_EQ(outcomes[0].authorization, "Bearer t");
  EXPECT_EQ(outcomes[0].request_id, "abc");
  EXPECT_EQ(outcomes[0].body, "hello");
  EXPECT_TRUE(outcomes[0].accepts_gzip);
  EXPECT_TRUE(outcomes[0].keep_alive);
}

TEST(RequestReaderTest, ReadsPipelinedRequestsOfEveryFraming) {
  const auto outcomes = read(post("/a", "one") + get("/b") +
                             with_headers("Transfer-Encoding: chunked\r\n", "3\r\ntwo\r\n0\r\n\r\n") +
                             post("/c", std::string(700, 'x')) + get("/d"));
  ASSERT_EQ(outcomes.size(), 5U);
  EXPECT_EQ(outcomes[0].body, "one");
  EXPECT_EQ(outcomes[1].path, "/b");
  EXPECT_EQ(outcomes[2].body, "two");
  EXPECT_EQ(outcomes[3].body, std::string(700, 'x'));
  EXPECT_EQ(outcomes[4].path, "/d");
}

TEST(RequestReaderTest, AcceptsWhatIsUnusualButLegal) {
  for (const char* bytes : {
           "GET /h HTTP/1.0\r\n\r\n",                         // no Host in 1.0
           "GET /h HTTP/1.1\r\nHost:\r\n\r\n",                // an empty one
           "GET /h HTTP/1.1\r\nHost: a\r\ncookie: \r\n\r\n",  // an empty header
           "GET /h HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n\r\n",
           "GET http://other:1/h HTTP/1.1\r\nHost: a\r\n\r\n",                 // absolute form
           "\r\nGET /h HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n",                  // a blank line before
           "DELETE /h HTTP/1.1\r\nHost: a\r\nContent-Length: 0002\r\n\r\n{}",  // a body with DELETE
           "get /h HTTP/1.1\r\nHost: a\r\n\r\n",  // a method of its own: case counts
       }) {
    const auto outcomes = read(bytes);
    ASSERT_EQ(outcomes.size(), 1U) << bytes;
    EXPECT_EQ(outcomes[0].refused, 0U) << bytes;
    EXPECT_EQ(outcomes[0].path, "/h") << bytes;
  }
}

TEST(RequestReaderTest, KeepAliveFollowsVersionAndConnectionHeader) {
  const auto keeps = [](const std::string& version, const std::string& headers) {
    return read("GET / HTTP/" + version + "\r\nHost: a\r\n" + headers + "\r\n").at(0).keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: TE, Close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(RequestReaderTest, WhatIsNoHttpIsRefusedAtOnce) {
  // None of these has ended its header block: waiting for it would keep the connection until the timeout.
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01", 6), std::string("garbage\r\n"), std::string("{\"a\":1}"),
        std::string("GET /\r\n"), std::string("GET / HTTP\r\n"), std::string("\n"),
        std::string(" GET / HTTP/1.1\r\n"), std::string("\r\n\r\n"), std::string(40, 'A'),
        std::string("GET\t/ HTTP/1.1\r\n"), std::string("\0GET", 4)}) {
    EXPECT_EQ(refused(bytes), 400U) << testing::PrintToString(bytes);
  }
}

TEST(RequestReaderTest, OtherVersionsAre505) {
  for (const char* bytes :
       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/0.9\r\n\r\n", "GET / HTTP/1.2\r\n\r\n"}) {
    EXPECT_EQ(refused(bytes), 505U) << bytes;
  }
}

TEST(RequestReaderTest, MalformedHeadersAre400) {
  for (const std::string& headers :
       {std::string("Bad Name: x\r\n"), std::string("NoColon\r\n"), std::string("Name : x\r\n"),
        std::string(": x\r\n"), std::string("X: a\r\n b\r\n"), std::string("X: a\r\n\tb\r\n"),
        std::string("X: a\nY: b\r\n"), std::string("X: a\rY: b\r\n"), std::string("X: \0\r\n", 6),
        std::string("X\0: a\r\n", 7), std::string("X: \x01\r\n"), std::string("Host: a\r\n"),
        std::string("Authorization: a\r\nAuthorization: b\r\n")}) {
    EXPECT_EQ(refused(with_headers(headers)), 400U) << testing::PrintToString(headers);
  }
}

TEST(RequestReaderTest, TargetsAndHostsAreChecked) {
  for (const char* head :
       {"GET h HTTP/1.1\r\nHost: a", "GET * HTTP/1.1\r\nHost: a", "GET /a#b HTTP/1.1\r\nHost: a",
        "GET /a b HTTP/1.1\r\nHost: a", "GET  / HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nX: y",
        "GET / HTTP/1.1\r\nHost: a b", "GET / HTTP/1.1\r\nHost: a/b", "CONNECT a:1 HTTP/1.1\r\nHost: a"}) {
    EXPECT_EQ(refused(std::string(head) + "\r\n\r\n"), 400U) << head;
  }
}

// Every one of these is read differently by different servers: an attacker's way to slip a request past a
// proxy.
TEST(RequestReaderTest, AmbiguousLengthsAreRefused) {
  const std::string smuggled = "0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const char* headers :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n",
        "Content-Length: -1\r\n", "Content-Length: 0x5\r\n", "Content-Length: 5 5\r\n", "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Length: 5;\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"}) {
    EXPECT_EQ(refused(with_headers(headers, smuggled)), 400U) << headers;
  }
  for (const char* headers : {"Transfer-Encoding: identity\r\n", "Transfer-Encoding: gzip, chunked\r\n",
                              "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: xchunked\r\n",
                              "Transfer-Encoding: \x0b"
                              "chunked\r\n",
                              "Transfer-Encoding:\r\n"}) {
    const unsigned status = refused(with_headers(headers, smuggled));
    EXPECT_TRUE(status == 501 || status == 400) << status << " for " << headers;
  }
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled), 400U);
}

TEST(RequestReaderTest, ChunksAreDecodedWithExtensionsAndTrailers) {
  const auto outcomes = read(with_headers(
      "Transfer-Encoding: Chunked\r\n",
      "4;a=b\r\nwiki\r\nA ; c=\"d\"\r\n0123456789\r\n0\r\nAuthorization: Bearer evil\r\nHost: b\r\n\r\n"));
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].body, "wiki0123456789");
  EXPECT_EQ(outcomes[0].authorization, "") << "a trailer must not authenticate";
}

// Boost 1.74's own decoder aborts on this when it arrives byte by byte.
TEST(RequestReaderTest, AnEmptyChunkedBodyInPieces) {
  const auto outcomes = read(with_headers("Transfer-Encoding: chunked\r\n", "0\r\n\r\n") + get("/next"));
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].body, "");
  EXPECT_EQ(outcomes[1].path, "/next");
}

TEST(RequestReaderTest, BadChunksAre400) {
  for (const std::string& body :
       {std::string("x\r\n"), std::string("\r\n"), std::string("5\r\nhelloX\r\n"), std::string("-1\r\n"),
        std::string("5 5\r\nhello\r\n"), std::string("5\nhello"), std::string("fffffffffffffffff\r\n"),
        std::string("0\r\nBad Trailer\r\n\r\n"), std::string("5 \r\nhello\r\n"),
        std::string("0\r\n folded\r\n\r\n"), std::string("0\r\n\rX"), "1;" + std::string(5000, 'a'),
        "0\r\nX: " + std::string(5000, 'a')}) {
    EXPECT_EQ(refused(with_headers("Transfer-Encoding: chunked\r\n", body)), 400U)
        << testing::PrintToString(body.substr(0, 40));
  }
}

TEST(RequestReaderTest, TooLongHeadersAreRefusedBeforeTheyEnd) {
  EXPECT_EQ(refused("GET /" + std::string(9000, 'a')), 414U);
  EXPECT_EQ(refused("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n"), 414U);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a')), 431U);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 4000; ++i) many += "A: b\r\n";
  EXPECT_EQ(refused(many), 431U);
  EXPECT_EQ(read("GET /" + std::string(8000, 'a') + " HTTP/1.1\r\nHost: a\r\nX: " + std::string(8000, 'b') +
                 "\r\n\r\n")
                .at(0)
                .refused,
            0U);
}

TEST(RequestReaderTest, ABodyJustOverTheLimitIsSkippedAndTheNextRequestRead) {
  const auto outcomes = read(post("/a", std::string(1001, 'x')) + get("/b"));
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].refused, 413U);
  EXPECT_EQ(outcomes[1].path, "/b");
  EXPECT_EQ(read(post("/a", std::string(1000, 'x'))).at(0).refused, 0U);
}

TEST(RequestReaderTest, ABodyFarOverTheLimitOrOfUnknownEndEndsTheConnection) {
  const std::string next = get("/b");
  for (const std::string& bytes :
       {with_headers("Content-Length: 1000000\r\n") + next,
        with_headers("Content-Length: 1001\r\nExpect: 100-continue\r\n") + next,
        with_headers("Transfer-Encoding: chunked\r\n", "3e9\r\n") + next,
        with_headers("Transfer-Encoding: chunked\r\n", "3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\n") +
            next}) {
    EXPECT_EQ(refused(bytes), 413U) << bytes.substr(0, 100);
  }
}

TEST(RequestReaderTest, OnlyOneExpectationIsKnown) {
  EXPECT_EQ(refused(with_headers("Expect: miracles\r\n")), 417U);
  ReaderHarness harness;
  harness.read(with_headers("Content-Length: 3\r\nExpect: 100-Continue\r\n"), 1000);
  EXPECT_TRUE(harness.exchange().wants_continue);
  harness.read("a", 1);
  EXPECT_FALSE(harness.exchange().wants_continue) << "the client did not wait";
}

TEST(RequestReaderTest, LargeBodiesShareABudget) {
  constexpr size_t kBody = 1'000'000;
  const ReaderLimits limits{.body_bytes_max = 2 * kBody};
  const std::string fixed = post("/a", std::string(kBody, 'x'));
  const std::string chunked =
      with_headers("Transfer-Encoding: chunked\r\n", "f4240\r\n" + std::string(kBody, 'x') + "\r\n0\r\n\r\n");
  const std::string small = post("/b", std::string(100'000, 'x'));
  for (const std::string& bytes : {fixed, chunked}) {
    for (const size_t piece : {size_t{1000}, bytes.size()}) {
      ReaderHarness rich(limits, 4 * kBody);
      EXPECT_EQ(rich.read(bytes, piece).at(0).body.size(), kBody);
      EXPECT_EQ(rich.read(bytes + bytes, piece).size(), 2U) << "what was read gives its memory back";
      ReaderHarness poor(limits, kBody / 2);
      EXPECT_EQ(poor.read(bytes, piece).at(0).refused, 503U);
      EXPECT_EQ(ReaderHarness(limits, 0).read(small, piece).at(0).refused, 0U) << "small bodies do not count";
    }
  }
}

TEST(RequestReaderTest, BytesBehindABodyAreReadable) {
  ReaderHarness harness;
  const std::string body(300, 'x');
  harness.read(post("/", body).substr(0, 200), 200);
  Exchange& exchange = harness.exchange();
  EXPECT_GE(exchange.body.capacity(), body.size());
  char copied[kBodyPadding];
  std::memcpy(copied, exchange.body.window() + exchange.body.room(),
              kBodyPadding);  // checked by AddressSanitizer
  EXPECT_EQ(copied[0], '\0');
}

}  // namespace
}  // namespace ferro::node::http
