// Frames over plain TCP.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "common/base/bytes.h"
#include "tests/fakes/seed.h"
#include "tests/unit/node/cluster/tcp/tcp_fixture.h"

namespace ferro::node::cluster {

RawClient::RawClient(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const timeval patience{30, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

RawClient::~RawClient() {
  ::close(socket_);
}

void RawClient::send(const std::string& bytes) const {
  (void)::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);  // the other side may have closed
}

bool RawClient::read_to_end(std::string* bytes) const {
  char buffer[4096];
  while (true) {
    const ssize_t count = recv(socket_, buffer, sizeof buffer, 0);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return true;
    if (count < 0) return false;
    if (bytes != nullptr) bytes->append(buffer, static_cast<size_t>(count));
  }
}

namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string with_length(const std::string& frame) {
  std::string bytes;
  ByteWriter(bytes).u32(static_cast<uint32_t>(frame.size()));
  return bytes + frame;
}

TEST_F(TcpTest, FramesOfAllSizesComeBackInOrder) {
  const auto seed = static_cast<unsigned>(fakes::test_seed());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  End a, b;
  b.echo = true;
  b.keep = false;
  const LinkId link = a.connect_to(b);
  std::vector<std::string> sent = {"greeting", ""};
  for (int i = 0; i < 3000; ++i) sent.emplace_back(random() % 3000, static_cast<char>(random()));
  for (const size_t size : {100'000U, 1'000'000U, 5'000'000U})
    sent.emplace_back(size, static_cast<char>(random()));
  for (int i = 0; i < 100; ++i) sent.emplace_back(random() % 100, static_cast<char>(random()));
  a.loop.run_and_wait([&] {
    for (const std::string& frame : sent) ASSERT_TRUE(a.network->send(link, frame));
  });
  ASSERT_TRUE(a.wait([&] { return a.frames.size() == sent.size(); }));
  EXPECT_TRUE(a.frames == sent);
  EXPECT_EQ(a.waiting_bytes(link), 0U);
  b.loop.run_and_wait([] {});  // what it has written arrives before it has counted it
  EXPECT_EQ(a.network->figures().frames_sent, sent.size());
  EXPECT_EQ(a.network->figures().bytes_sent, b.network->figures().bytes_received);
  EXPECT_EQ(a.network->figures().bytes_received, b.network->figures().bytes_sent);
}

TEST_F(TcpTest, TheLargestFrameArrivesAndALargerOneIsNotSent) {
  End a, b;
  const LinkId link = a.connect_to(b);
  a.send(link, "greeting");
  EXPECT_FALSE(a.send(link, std::string(kFrameBytesMax + 1, 'x')));
  EXPECT_TRUE(a.send(link, std::string(kFrameBytesMax, 'x')));
  ASSERT_TRUE(b.wait([&] { return b.frames.size() == 2; }));
  EXPECT_EQ(b.frames[1].size(), kFrameBytesMax);
}

TEST_F(TcpTest, ManyFramesOfOneTurnShareTheirSystemCalls) {
  End a, b;
  const LinkId link = a.connect_to(b);
  a.loop.run_and_wait([&] {
    for (int i = 0; i < 1000; ++i) a.network->send(link, "x");
    EXPECT_EQ(a.network->waiting_bytes(link), 5000U);  // nothing is written before the turn ends
  });
  ASSERT_TRUE(b.wait([&] { return b.frames.size() == 1000; }));
}

TEST_F(TcpTest, ClosingSendsWhatWaitsAndTellsOnlyTheOtherSide) {
  End a, b;
  const LinkId link = a.connect_to(b);
  a.loop.run_and_wait([&] {
    a.network->send(link, "goodbye");
    a.network->close(link);
    EXPECT_FALSE(a.network->send(link, "too late"));
  });
  ASSERT_TRUE(b.wait([&] { return !b.down.empty(); }));
  EXPECT_THAT(b.frames, SizeIs(1));
  EXPECT_THAT(a.links(), IsEmpty());
  EXPECT_THAT(a.down, IsEmpty());
  EXPECT_EQ(b.network->figures().links, 0U);
}

TEST_F(TcpTest, NobodyThereIsNoticedAtOnce) {
  End a;
  uint16_t free_port = 0;
  {
    End gone;
    free_port = gone.network->port();
  }
  const LinkId link = a.connect({"127.0.0.1", free_port});
  ASSERT_TRUE(a.wait([&] { return !a.down.empty(); }));
  EXPECT_EQ(a.down[0].first, link);
  EXPECT_THAT(a.down[0].second, HasSubstr("refused"));
}

TEST_F(TcpTest, NamesAreResolvedToAllTheirAddresses) {
  End a, b;
  std::vector<Endpoint> found;
  bool is_done = false, is_known = true;
  a.loop.run_and_wait([&] {
    a.network->resolve({"localhost", 77}, [&](Result<std::vector<Endpoint>> result) {
      EXPECT_TRUE(result.ok()) << result.status().to_string();
      if (!result.ok()) return;
      found = *result;
      a.on_link_down(0, {});
    });
    a.network->resolve({"127.0.0.9", 78}, [&](Result<std::vector<Endpoint>> result) {
      EXPECT_EQ(result->at(0), (Endpoint{"127.0.0.9", 78}));
      is_done = true;
      a.on_link_down(0, {});
    });
    a.network->resolve({"no..name", 1}, [&](Result<std::vector<Endpoint>> result) {
      is_known = result.ok();
      a.on_link_down(0, {});
    });
  });
  ASSERT_TRUE(a.wait([&] { return a.down.size() == 3; }));
  EXPECT_TRUE(is_done);
  EXPECT_FALSE(is_known);
  EXPECT_THAT(found, testing::Contains(Endpoint{"127.0.0.1", 77}));
  // Also where the name's first address has nobody listening.
  const LinkId link = a.connect({"localhost", b.network->port()});
  EXPECT_TRUE(a.wait([&] { return !a.made.empty() && a.made[0] == link; }));
}

TEST_F(TcpTest, AConnectionThatIsNeverAnsweredIsGivenUp) {
  // A listener that accepts nothing, its queue full: further packets to it are swallowed.
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  TcpOptions options;
  options.connect_timeout_ms = 100;
  End a(options);
  for (int i = 0; i < 5; ++i) a.connect({"127.0.0.1", ntohs(address.sin_port)});
  ASSERT_TRUE(a.wait([&] { return a.down.size() >= 3; }));
  EXPECT_THAT(a.down[0].second, HasSubstr("in time"));
  ::close(listener);
}

TEST_F(TcpTest, ATakenPortIsRefusedWithItsReason) {
  End a;
  TcpOptions options;
  options.bind = {"127.0.0.1", a.network->port()};
  const auto second = TcpNetwork::open(options, a.loop);
  EXPECT_EQ(second.status().code(), StatusCode::failed_precondition);
  EXPECT_THAT(second.status().message(), HasSubstr("in use by another process"));
  options.bind = {"192.0.2.1", 1};  // of documentation: nobody's
  EXPECT_FALSE(TcpNetwork::open(options, a.loop).ok());
}

TEST_F(TcpTest, GarbageAndClaimsOfSizeEndTheLink) {
  End a;
  std::string huge;
  ByteWriter(huge).u32(static_cast<uint32_t>(kFirstFrameBytesMax + 1));
  for (const std::string& bytes : {huge, std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100, '\xff')}) {
    const RawClient client(a.network->port());
    client.send(bytes);
    EXPECT_TRUE(client.read_to_end());
  }
  std::string later = with_length("first");
  ByteWriter(later).u32(static_cast<uint32_t>(kFrameBytesMax + 1));
  const RawClient client(a.network->port());
  client.send(later);
  EXPECT_TRUE(client.read_to_end());
  ASSERT_TRUE(a.wait([&] { return a.down.size() == 4; }));
  EXPECT_THAT(a.frames, SizeIs(1));
}

TEST_F(TcpTest, AFrameCutOffIsNoFrame) {
  End a;
  {
    const RawClient client(a.network->port());
    client.send(with_length("whole") + with_length("cut off").substr(0, 7));
  }
  ASSERT_TRUE(a.wait([&] { return !a.down.empty(); }));
  EXPECT_THAT(a.frames, testing::ElementsAre("whole"));
}

TEST_F(TcpTest, LinksBeyondTheBoundAreClosedAndTheirPlacesComeBack) {
  TcpOptions options;
  options.accepted_max = 3;
  End a(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(std::make_unique<RawClient>(a.network->port()));
  ASSERT_TRUE(a.wait([&] { return a.accepted.size() == 3; }));
  {
    const RawClient refused(a.network->port());
    EXPECT_TRUE(refused.read_to_end());
  }
  EXPECT_EQ(a.network->figures().refused, 1U);
  clients.pop_back();
  ASSERT_TRUE(a.wait([&] { return a.down.size() == 1; }));
  const RawClient admitted(a.network->port());
  ASSERT_TRUE(a.wait([&] { return a.accepted.size() == 4; }));
}

TEST_F(TcpTest, APeerThatDoesNotReadHoldsUpItsOwnLinkOnly) {
  End a, b;
  b.echo = true;
  const RawClient sloth(a.network->port());
  ASSERT_TRUE(a.wait([&] { return a.accepted.size() == 1; }));
  const LinkId slow = a.accepted[0], quick = a.connect_to(b);
  constexpr size_t kFrames = 40, kSize = 1'000'000;
  a.loop.run_and_wait([&] {
    for (size_t i = 0; i < kFrames; ++i) a.network->send(slow, std::string(kSize, 'x'));
  });
  a.send(quick, "still here");
  ASSERT_TRUE(a.wait([&] { return a.frames.size() == 1; }));
  // The system has taken what its buffers hold, or still does; the rest waits here.
  a.loop.run_and_wait([&] {
    const size_t waiting = a.network->waiting_bytes(slow);
    EXPECT_GT(waiting, kFrames * kSize / 4);
    a.network->send(slow, std::string(kSize, 'x'));
    EXPECT_EQ(a.network->waiting_bytes(slow), waiting + kSize + 4) << "in one turn nothing is written";
  });
  a.close(slow);
  std::string read;
  EXPECT_TRUE(sloth.read_to_end(&read));
}

TEST_F(TcpTest, WaitingBytesDrainOnceThePeerReads) {
  End a;
  const RawClient slow(a.network->port());
  ASSERT_TRUE(a.wait([&] { return a.accepted.size() == 1; }));
  a.loop.run_and_wait([&] {
    for (int i = 0; i < 20; ++i) a.network->send(a.accepted[0], std::string(1'000'000, 'x'));
    a.network->send(a.accepted[0], "end");
  });
  std::string read;
  std::thread reader([&] { slow.read_to_end(&read); });
  while (a.waiting_bytes(a.accepted[0]) > 0) std::this_thread::yield();
  a.close(a.accepted[0]);
  reader.join();
  EXPECT_EQ(read.size(), 20 * 1'000'004U + 7);
  EXPECT_EQ(read.substr(read.size() - 3), "end");
}

TEST_F(TcpTest, StoppingUnderTrafficIsQuiet) {
  for (int round = 0; round < 10; ++round) {
    End a, b;
    b.echo = true;
    const LinkId link = a.connect_to(b);
    a.loop.post([&] {
      for (int i = 0; i < 200; ++i) a.network->send(link, std::string(10'000, 'x'));
    });
    (round % 2 == 0 ? a : b).network->stop();
  }
}

TEST_F(TcpTest, AddressesOfVersionSixAndNamesAreListenedOn) {
  TcpOptions options;
  options.bind = {"::1", 0};
  SystemClock clock;
  AsioLoop loop(clock, 1);
  const auto six = TcpNetwork::open(options, loop);
  if (!six.ok()) GTEST_SKIP() << "this machine has no IPv6: " << six.status().to_string();
  End a;
  End b(options);
  const LinkId link = a.connect({"::1", b.network->port()});
  ASSERT_TRUE(a.wait([&] { return !a.made.empty() && a.made[0] == link; }));
  EXPECT_THAT(a.links()[0].remote, HasSubstr("[::1]:"));
}

}  // namespace
}  // namespace ferro::node::cluster
