// Starting, stopping, and connections that come and go.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <memory>
#include <new>
#include <thread>

#include "tests/unit/node/http/test_server.h"

namespace ferro::node::http {
namespace {

TEST(LifecycleTest, ASecondServerOnThePortIsRefused) {
  const TestServer server({.threads = 2});
  TestService service;
  for (const char* bind : {"127.0.0.1", "0.0.0.0"}) {
    ServerOptions options;
    options.bind = bind;
    options.port = server.port();
    options.threads = 2;
    const auto second = Server::start(options, service);
    ASSERT_FALSE(second.ok()) << bind;
    EXPECT_NE(second.status().message().find("port " + std::to_string(server.port())), std::string::npos);
    EXPECT_NE(second.status().message().find("in use"), std::string::npos);
  }
}

// An address that includes the other's is the same endpoint, and so is one that "localhost" may mean as well;
// two that share nothing are two servers.
TEST(LifecycleTest, AServerOnAnAddressThatIncludesTheOthersIsRefused) {
  struct Case {
    const char* first;
    const char* second;
    bool refused;
  };
  for (const Case& each :
       {Case{"0.0.0.0", "127.0.0.1", true}, Case{"127.0.0.1", "0.0.0.0", true},
        Case{"0.0.0.0", "127.0.0.2", true}, Case{"::", "127.0.0.1", true}, Case{"127.0.0.1", "::", true},
        Case{"::", "0.0.0.0", true}, Case{"::", "::1", true}, Case{"::1", "::", true},
        Case{"127.0.0.1", "127.0.0.2", false}, Case{"127.0.0.1", "::1", true}, Case{"::1", "127.0.0.1", true},
        Case{"0.0.0.0", "::1", true}, Case{"::1", "0.0.0.0", true}, Case{"127.0.0.2", "::1", false}}) {
    SCOPED_TRACE(std::string(each.first) + " then " + each.second);
    TestService service;
    const auto start = [&service](const char* bind, uint16_t port) {
      ServerOptions options;
      options.bind = bind;
      options.port = port;
      options.threads = 2;
      return Server::start(options, service);
    };
    const auto first = start(each.first, 0);
    if (!first.ok() && std::string(each.first).find(':') != std::string::npos) continue;  // without IPv6
    ASSERT_TRUE(first.ok()) << first.status().to_string();
    const auto second = start(each.second, (*first)->port());
    if (!second.ok() && second.status().message().find("Cannot assign") != std::string::npos) continue;
    EXPECT_EQ(second.ok(), !each.refused);
    if (!each.refused) continue;
    EXPECT_NE(second.status().message().find("in use"), std::string::npos);
  }
}

TEST(LifecycleTest, OfManyThatStartAtOnceOneGetsThePort) {
  uint16_t port = 0;
  {
    const TestServer scout;
    port = scout.port();
  }
  constexpr size_t kServers = 8;
  std::atomic<size_t> started{0}, ready{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kServers; ++i) {
    threads.emplace_back([&] {
      TestService service;
      ServerOptions options;
      options.bind = "127.0.0.1";
      options.port = port;
      options.threads = 2;
      auto server = Server::start(options, service);
      if (server.ok()) ++started;
      ++ready;
      while (ready < kServers)
        std::this_thread::yield();  // all have tried before the first one gives up the port
      if (server.ok()) (*server)->stop();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(started, 1U);
}

TEST(LifecycleTest, RestartsOnThePortOfClosedConnections) {
  uint16_t port = 0;
  {
    const TestServer server;
    port = server.port();
    Client client = server.connect();
    // The server closes first, so that its side waits in TIME_WAIT.
    ASSERT_TRUE(client.send("GET /echo HTTP/1.0\r\n\r\n").receive());
    ASSERT_TRUE(client.is_closed());
  }
  TestService service;
  ServerOptions options;
  options.bind = "127.0.0.1";
  options.port = port;
  options.threads = 2;
  const auto again = Server::start(options, service);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(Client(port).send(get("/echo")).receive()->status, 200U);
  (*again)->stop();
}

TEST(LifecycleTest, AWrongAddressIsRefused) {
  TestService service;
  ServerOptions options;
  options.bind = "localhost";
  const auto server = Server::start(options, service);
  ASSERT_FALSE(server.ok());
  EXPECT_NE(server.status().message().find("localhost"), std::string::npos);
}

TEST(LifecycleTest, ServesIpv6AndIpv4OnTheUnspecifiedAddress) {
  TestService service;
  ServerOptions options;
  options.bind = "::";
  options.port = 0;
  options.threads = 1;
  const auto server = Server::start(options, service);
  if (!server.ok()) GTEST_SKIP() << "no IPv6 here: " << server.status().message();
  EXPECT_EQ(Client((*server)->port()).send(get("/echo")).receive()->status, 200U);
  (*server)->stop();
}

TEST(LifecycleTest, StartMakesRoomForTheDescriptorsOfItsConnections) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{256, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  {
    const TestServer server({.max_connections = 300});
    rlimit raised{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &raised), 0);
    EXPECT_GT(raised.rlim_cur, 300U);
    EXPECT_EQ(raised.rlim_max, before.rlim_max);
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(LifecycleTest, StopFinishesWhatRunsAndClosesWhatIsIdle) {
  TestServer server;  // one loop: that it has closed the idle connection tells that it is stopping
  Client idle = server.connect(), busy = server.connect(), partial = server.connect();
  EXPECT_EQ(idle.send(get("/echo")).receive()->status, 200U);
  busy.send(get("/hold1") + get("/hold2"));
  auto held = server.service().take_held(2);
  EXPECT_EQ(partial.send(get("/echo") + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
                .receive()
                ->status,
            200U);
  std::thread stopper([&] { server.server().stop(); });
  EXPECT_TRUE(idle.is_closed());
  held[1].second(text("2"));
  held[0].second(text("1"));
  const auto first = busy.receive();
  const auto last = busy.receive();
  ASSERT_TRUE(first && last);
  EXPECT_EQ(first->body, "1");
  EXPECT_EQ(last->body, "2");
  EXPECT_EQ(last->header("connection"), "close");
  EXPECT_TRUE(busy.is_closed());
  const auto rest = partial.send("bc").receive();
  ASSERT_TRUE(rest) << "a request that has begun is finished";
  EXPECT_EQ(rest->body, "POST /echo   abc");
  EXPECT_EQ(rest->header("connection"), "close");
  stopper.join();
  EXPECT_EQ(server.server().figures().connections, 0U);
  server.server().stop();  // again: nothing happens
}

TEST(LifecycleTest, StopServesConnectionsThatTheKernelHasAccepted) {
  TestServer server;
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(server.connect());
    clients.back().send(get("/echo"));
  }
  server.server().stop();
  for (Client& client : clients) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200U);
  }
}

TEST(LifecycleTest, StopDoesNotWaitForEver) {
  TestServer server({.shutdown_timeout_seconds = 1});
  Client client = server.connect();
  client.send(get("/hold"));
  auto held = server.service().take_held(1);
  server.server().stop();
  EXPECT_TRUE(client.is_closed());
  // The answer comes when its server has stopped: it goes nowhere, and what the request says is still there.
  EXPECT_EQ(server.server().figures().requests_in_flight, 1U);
  held[0].second(text("too late"));
  EXPECT_EQ(server.server().figures().requests_in_flight, 0U);
}

TEST(LifecycleTest, AReplyMayOutliveItsServer) {
  std::vector<std::pair<std::string, Reply>> held;
  {
    TestServer server({.shutdown_timeout_seconds = 0});
    Client client = server.connect();
    client.send(get("/hold"));
    held = server.service().take_held(1);
  }
  held[0].second(text("too late"));
}

TEST(LifecycleTest, ClientsMayDisappearAtAnyMoment) {
  TestServer server({.threads = 2});
  for (int i = 0; i < 20; ++i) {
    Client waiting = server.connect();
    waiting.send(get("/hold"));
    Client reading = server.connect();
    reading.send(get("/large?mib=2"));
    Client writing = server.connect();
    writing.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
    const linger reset{1, 0};  // the last one with a reset
    setsockopt(writing.socket(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  for (auto& [path, reply] : server.service().take_held(20)) reply(text("nobody listens"));
  server.wait_until(server.server().figures().connections, 0);
  server.wait_until(server.server().figures().requests_in_flight, 0);
  EXPECT_EQ(server.connect().send(get("/echo")).receive()->status, 200U);
}

TEST(LifecycleTest, ManyConnectionsAtOnce) {
  TestServer server({.threads = 2});
  std::vector<Client> clients;
  for (int i = 0; i < 400; ++i) clients.push_back(server.connect());
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < clients.size(); ++i) clients[i].send(post("/echo", std::to_string(i)));
    for (size_t i = 0; i < clients.size(); ++i) {
      EXPECT_EQ(clients[i].receive()->body, "POST /echo   " + std::to_string(i));
    }
  }
  EXPECT_EQ(server.server().figures().connections, 400U);
  clients.clear();
  server.wait_until(server.server().figures().connections, 0);
}

// Answers from other threads while the server stops: every race between them must be harmless.
TEST(LifecycleTest, RepliesRaceWithStop) {
  for (int round = 0; round < 10; ++round) {
    TestServer server({.threads = 2, .shutdown_timeout_seconds = 0});
    std::vector<Client> clients;
    for (int i = 0; i < 16; ++i) {
      clients.push_back(server.connect());
      clients.back().send(get("/hold"));
    }
    auto held = server.service().take_held(16);
    std::thread replies([&] {
      for (auto& [path, reply] : held) reply(text("x"));
    });
    server.server().stop();
    replies.join();
  }
}

TEST(LifecycleTest, WorkIsHandedToTheRequestsOwnCore) {
  TestServer server({.threads = 2});
  Client client = server.connect();
  client.send(get("/hold"));
  auto held = server.service().take_held(1);
  Reply& reply = held[0].second;
  EXPECT_FALSE(reply.is_here());
  const std::thread::id me = std::this_thread::get_id();
  reply.run_there([&reply, me] {
    const bool there = reply.is_here() && std::this_thread::get_id() != me;
    reply(text(there ? "there" : "elsewhere"));
  });
  EXPECT_EQ(client.receive()->body, "there");
}

TEST(LifecycleTest, WorkForACoreThatHasEndedIsDropped) {
  std::vector<std::pair<std::string, Reply>> held;
  {
    TestServer server({.shutdown_timeout_seconds = 0});
    Client client = server.connect();
    client.send(get("/hold"));
    held = server.service().take_held(1);
  }
  const auto witness = std::make_shared<bool>(false);
  held[0].second.run_there([witness] { *witness = true; });
  EXPECT_EQ(witness.use_count(), 1) << "it is still kept";
  EXPECT_FALSE(*witness);
}

TEST(LifecycleTest, WorkThatFailsClosesItsConnectionAlone) {
  TestServer server;
  Client client = server.connect();
  client.send(get("/hold"));
  auto held = server.service().take_held(1);
  held[0].second.run_there([] { throw std::bad_alloc(); });
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server.connect().send(get("/echo")).receive()->status, 200U);
  held.clear();
  server.wait_until(server.server().figures().requests_in_flight, 0);
}

}  // namespace
}  // namespace ferro::node::http
