// HTTP over TLS: the same server, real certificates made here.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/node/http/test_server.h"
#include "tests/unit/node/http/tls_client.h"

namespace ferro::node::http {
namespace {

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "http_tls_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    use("first");
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  // The server's certificate from now on has this name.
  void use(const std::string& name) {
    const fakes::Pem leaf = fakes::make_leaf(name, authority_);
    write("cert", leaf.certificate);
    write("key", leaf.key);
  }
  TestServer& start(ServerOptions options = {}, bool mutual = false) {
    auto tls = security::ServerTls::open(
        {folder_ / "cert", folder_ / "key", mutual ? write("ca", authority_.certificate) : std::string()});
    EXPECT_TRUE(tls.ok()) << tls.status().message();
    tls_ = std::move(tls).value();
    options.tls = tls_.get();
    server_ = std::make_unique<TestServer>(std::move(options));
    return *server_;
  }

  const fakes::Pem authority_ = fakes::make_authority("test authority");
  std::filesystem::path folder_;
  std::unique_ptr<security::ServerTls> tls_;
  std::unique_ptr<TestServer> server_;
};

TEST_F(TlsTest, ServesAndKeepsTheConnection) {
  TestServer& server = start();
  TlsClient client(server.port());
  ASSERT_TRUE(client.connected());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(post("/echo", std::to_string(i)) + get("/peer")));
    EXPECT_EQ(client.receive()->body, "POST /echo   " + std::to_string(i));
    EXPECT_EQ(client.receive()->body, "unknown");
  }
  ASSERT_TRUE(client.send(get("/echo", "Connection: close\r\n")));
  ASSERT_TRUE(client.receive());
  EXPECT_TRUE(client.is_closed_cleanly());
}

TEST_F(TlsTest, LargeBodiesBothWays) {
  TestServer& server = start();
  TlsClient client(server.port());
  const std::string body(3 << 20, 'y');
  ASSERT_TRUE(client.send(post("/echo", body)));
  EXPECT_EQ(client.receive()->body, "POST /echo   " + body);
  ASSERT_TRUE(client.send(get("/large") + get("/echo")));
  EXPECT_EQ(client.receive()->body.size(), size_t{8} << 20);
  EXPECT_EQ(client.receive()->status, 200U);
}

TEST_F(TlsTest, KnowsClientsOfItsAuthority) {
  TestServer& server = start({}, true);
  const fakes::Pem known = fakes::make_leaf("client", authority_);
  TlsClient client(server.port(), &known);
  ASSERT_TRUE(client.send(get("/peer")));
  EXPECT_EQ(client.receive()->body, "known");
  const fakes::Pem stranger = fakes::make_leaf("client", fakes::make_authority("another"));
  for (const fakes::Pem* own : {&stranger, static_cast<const fakes::Pem*>(nullptr)}) {
    TlsClient refused(server.port(), own);
    refused.send(get("/peer"));
    EXPECT_FALSE(refused.receive());
  }
}

TEST_F(TlsTest, ReloadedCertificatesServeNewConnectionsAndOldOnesGoOn) {
  TestServer& server = start();
  TlsClient before(server.port());
  EXPECT_EQ(before.server_name(), "first");
  use("second");
  const auto reloaded = tls_->poll();
  ASSERT_TRUE(reloaded.ok() && *reloaded);
  TlsClient after(server.port());
  EXPECT_EQ(after.server_name(), "second");
  for (TlsClient* client : {&before, &after}) {
    ASSERT_TRUE(client->send(get("/echo")));
    EXPECT_EQ(client->receive()->status, 200U);
  }
}

TEST_F(TlsTest, ARefusedClientThatIsStillSendingSeesWhy) {
  TestServer& server = start({.max_body_bytes = 1 << 20});
  TlsClient client(server.port());
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"));
  client.send(std::string(1 << 20, 'x'));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413U);
  EXPECT_TRUE(client.is_closed_cleanly());
}

TEST_F(TlsTest, WhatIsNoGreetingOrNeverComesIsCutOff) {
  TestServer& server = start({.read_timeout_seconds = 1});
  Client silent = server.connect();
  Client plain = server.connect();
  plain.send(get("/echo"));
  // Who speaks properly is served; on a busy machine not always within the second, so it tries again.
  std::optional<Answer> answer;
  for (int i = 0; i < 20 && !answer; ++i) {
    TlsClient client(server.port());
    if (client.connected() && client.send(get("/echo"))) answer = client.receive();
  }
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200U);
  EXPECT_FALSE(plain.receive()) << "at most an alert, which is no answer";
  EXPECT_TRUE(silent.is_closed());
  EXPECT_EQ(server.server().figures().requests_total, 1U);
}

TEST_F(TlsTest, StopFinishesWhatRunsAndClosesWhatIsIdle) {
  TestServer& server = start();
  TlsClient idle(server.port()), busy(server.port());
  ASSERT_TRUE(idle.send(get("/echo")));
  EXPECT_EQ(idle.receive()->status, 200U);
  ASSERT_TRUE(busy.send(get("/hold")));
  auto held = server.service().take_held(1);
  std::thread stopper([&] { server.server().stop(); });
  EXPECT_TRUE(idle.is_closed_cleanly());
  held[0].second(text("done"));
  EXPECT_EQ(busy.receive()->body, "done");
  EXPECT_TRUE(busy.is_closed_cleanly());
  stopper.join();
}

TEST_F(TlsTest, ClientsMayDisappearAtAnyMoment) {
  TestServer& server = start({.threads = 2});
  for (int i = 0; i < 10; ++i) {
    TlsClient waiting(server.port());
    waiting.send(get("/hold"));
    TlsClient reading(server.port());
    reading.send(get("/large?mib=2"));
  }
  for (auto& [path, reply] : server.service().take_held(10)) reply(text("nobody listens"));
  server.wait_until(server.server().figures().connections, 0);
}

}  // namespace
}  // namespace ferro::node::http
