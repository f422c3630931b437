// New certificates and new authorities under traffic: no call is lost.
#include <atomic>
#include <future>

#include "node/cluster/peers/peers.h"
#include "tests/unit/node/cluster/tcp/tls_fixture.h"

namespace ferro::node::cluster {
namespace {

using fakes::make_authority;
using fakes::make_leaf;
using fakes::Pem;

// Echoes, and calls the other one again and again, several calls at a time.
class Caller final : public PeerService {
 public:
  Caller(const NodeId& self, const Pem& leaf, const std::string& anchors) : self_(self) {
    folder.trust(anchors);
    folder.identify(leaf);
    tls = folder.open();
    EXPECT_TRUE(loop.start().ok());
    TcpOptions tcp;
    tcp.bind.host = "127.0.0.1";
    tcp.tls = tls.get();
    network = std::move(*TcpNetwork::open(tcp, loop));
    PeersOptions options;
    options.self = self;
    options.cluster_id = "test";
    loop.run_and_wait([&] { peers = Peers::create(options, loop, *network, *this); });
  }
  ~Caller() override {
    loop.run_and_wait([&] { peers->stop(); });
    network->stop();
    loop.stop();
  }

  void on_request(const NodeId&, MessageType, std::string_view body, uint16_t, int64_t,
                  RespondFn respond) override {
    // A moment later, so that calls are under way whenever something happens.
    loop.after(3, [respond = std::move(respond), answer = std::string(body)] { respond(answer); });
  }
  void on_one_way(const NodeId&, MessageType, std::string_view) override {}
  void on_peer_up(const NodeId&) override {}
  void on_peer_down(const NodeId&) override { ++downs; }

  void begin(const NodeId& other, const Caller& at) {
    loop.run_and_wait([&] {
      peers->set_address(other, {"127.0.0.1", at.network->port()});
      for (int i = 0; i < 8; ++i) call(other);
    });
  }
  void end() {
    ending = true;
    while (under_way > 0) std::this_thread::yield();
  }
  // So many more calls have been answered: what was to happen meanwhile has happened under traffic.
  void await_calls(uint64_t count) const {
    const uint64_t until = answered + count;
    while (answered < until && failed == 0) std::this_thread::yield();
  }
  std::string peers_fingerprint() {
    std::string fingerprint;
    loop.run_and_wait([&] {
      for (const LinkFacts& facts : network->links()) {
        if (!fingerprint.empty() && fingerprint != facts.peer_fingerprint) fingerprint = "several";
        if (fingerprint.empty()) fingerprint = facts.peer_fingerprint;
      }
    });
    return fingerprint;
  }

  CertificateFolder folder;
  std::unique_ptr<security::PeerTls> tls;
  SystemClock clock;
  AsioLoop loop{clock, 1};
  std::unique_ptr<TcpNetwork> network;
  std::unique_ptr<Peers> peers;
  std::atomic<uint64_t> answered = 0, failed = 0, downs = 0;
  std::atomic<int> under_way = 0;
  std::atomic<bool> ending = false;
  std::string first_failure;  // read at the end

 private:
  void call(const NodeId& other) {
    ++under_way;
    peers->call(other, MessageType::find, std::string(2000, 'x'), 20'000,
                [this, other](Result<std::string_view> answer) {
                  if (!answer.ok() && failed++ == 0) first_failure = answer.status().to_string();
                  if (answer.ok()) ++answered;
                  if (!ending && failed == 0) call(other);
                  --under_way;
                });
  }
  const NodeId self_;
};

class Rotation : public TcpTest {
 protected:
  void begin() {
    a.begin("b", b);
    b.begin("a", a);
    both_go_on();
  }
  void both_go_on() {
    a.await_calls(200);
    b.await_calls(200);
  }
  // Until both see the other's newest certificate, and only that, under traffic.
  void await_new_links() {
    const auto settled = [this] {
      return a.peers_fingerprint() == b.tls->current()->certificate.fingerprint_sha256 &&
             b.peers_fingerprint() == a.tls->current()->certificate.fingerprint_sha256;
    };
    const int64_t limit_ns = a.clock.steady_ns() + 30'000'000'000;
    while (!settled() && a.clock.steady_ns() < limit_ns) both_go_on();
    EXPECT_TRUE(settled());
  }
  void end() {
    both_go_on();
    a.end();
    b.end();
    EXPECT_EQ(a.failed, 0U) << a.first_failure;
    EXPECT_EQ(b.failed, 0U) << b.first_failure;
    EXPECT_EQ(a.downs + b.downs, 0U);
  }

  const Pem old_authority = make_authority("old"), new_authority = make_authority("new");
  Caller a{"a", make_leaf("a", old_authority), old_authority.certificate};
  Caller b{"b", make_leaf("b", old_authority), old_authority.certificate};
};

TEST_F(Rotation, NewCertificatesUnderTrafficLoseNoCall) {
  begin();
  for (int round = 0; round < 3; ++round) {
    a.folder.identify(make_leaf("a", old_authority));
    ASSERT_TRUE(*a.tls->poll());
    if (round == 1) await_new_links();
    b.folder.identify(make_leaf("b", old_authority));
    ASSERT_TRUE(*b.tls->poll());
    await_new_links();
  }
  end();
}

TEST_F(Rotation, AnAuthorityIsReplacedInThreePhasesWithoutALostCall) {
  begin();
  // 1. Trust both.
  for (Caller* node : {&a, &b}) {
    node->folder.trust(old_authority.certificate + new_authority.certificate);
    ASSERT_TRUE(*node->tls->poll());
    EXPECT_EQ(node->tls->current()->anchors.size(), 2U);
    both_go_on();
  }
  // 2. Show certificates of the new one.
  a.folder.identify(make_leaf("a", new_authority));
  ASSERT_TRUE(*a.tls->poll());
  both_go_on();
  b.folder.identify(make_leaf("b", new_authority));
  ASSERT_TRUE(*b.tls->poll());
  await_new_links();
  // 3. Trust the new one alone.
  for (Caller* node : {&a, &b}) {
    node->folder.trust(new_authority.certificate);
    ASSERT_FALSE(*node->tls->poll());
    ASSERT_TRUE(*node->tls->poll());
    both_go_on();
  }
  const int64_t looked_ns = a.clock.steady_ns() + 3 * TcpNetwork::kTrustLookMs * 1'000'000;
  while (a.clock.steady_ns() < looked_ns) both_go_on();
  end();
  EXPECT_EQ(a.network->figures().untrusted_closed + b.network->figures().untrusted_closed, 0U);
}

}  // namespace
}  // namespace ferro::node::cluster
