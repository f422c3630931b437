// What a call between two nodes costs over the loopback: plain and under TLS, one caller and fifty at once,
// small and large bodies. Both nodes' loops run in this process; the callers are on one of them.
//
//   build/release/bin/peer_bench [seconds a row]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <vector>

#include "common/obs/log.h"
#include "node/cluster/peers/peers.h"
#include "node/cluster/tcp/tcp_network.h"
#include "node/security/peer_tls.h"
#include "tests/fakes/certificates.h"

namespace {

using namespace ferro::node::cluster;
using ferro::Result;

class Node final : public PeerService {
 public:
  Node(const NodeId& self, const ferro::node::security::PeerTls* tls) {
    TcpOptions tcp;
    tcp.bind.host = "127.0.0.1";
    tcp.tls = tls;
    if (!loop.start().ok()) std::abort();
    network = std::move(*TcpNetwork::open(tcp, loop));
    PeersOptions options;
    options.self = self;
    options.cluster_id = "bench";
    loop.run_and_wait([&] { peers = Peers::create(options, loop, *network, *this); });
  }
  ~Node() override {
    loop.run_and_wait([&] { peers->stop(); });
    network->stop();
    loop.stop();
  }
  void on_request(const NodeId&, MessageType, std::string_view body, uint16_t, int64_t,
                  RespondFn respond) override {
    respond(std::string(body));
  }
  void on_one_way(const NodeId&, MessageType, std::string_view) override {}
  void on_peer_up(const NodeId&) override {}
  void on_peer_down(const NodeId&) override {}

  ferro::SystemClock clock;
  AsioLoop loop{clock, 1};
  std::unique_ptr<TcpNetwork> network;
  std::unique_ptr<Peers> peers;
};

// Each caller asks again as soon as it has its answer. All on the first node's loop.
class Callers {
 public:
  Callers(Node& from, size_t body_bytes, int64_t duration_ns)
      : from_(from), body_(body_bytes, 'x'), end_ns_(from.clock.steady_ns() + duration_ns) {}

  std::vector<int64_t> run(int count) {
    std::unique_lock lock(mutex_);
    from_.loop.post([this, count] {
      under_way_ = count;
      for (int i = 0; i < count; ++i) ask();
    });
    done_.wait(lock, [this] { return is_done_; });
    return std::move(took_ns_);
  }

 private:
  void ask() {
    const int64_t begin_ns = from_.clock.steady_ns();
    from_.peers->call("b", MessageType::find, body_, 5000, [this, begin_ns](Result<std::string_view> answer) {
      if (!answer.ok()) std::abort();
      const int64_t now_ns = from_.clock.steady_ns();
      took_ns_.push_back(now_ns - begin_ns);
      if (now_ns < end_ns_) return ask();
      if (--under_way_ > 0) return;
      const std::lock_guard lock(mutex_);
      is_done_ = true;
      done_.notify_one();
    });
  }

  Node& from_;
  const std::string body_;
  const int64_t end_ns_;
  int under_way_ = 0;
  std::vector<int64_t> took_ns_;
  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
};

std::unique_ptr<ferro::node::security::PeerTls> make_tls(const std::filesystem::path& folder) {
  const auto authority = ferro::fakes::make_authority("authority");
  const auto leaf = ferro::fakes::make_leaf("node", authority);
  std::ofstream(folder / "ca.pem") << authority.certificate;
  std::ofstream(folder / "node.pem") << leaf.certificate;
  std::ofstream(folder / "node.key") << leaf.key;
  return std::move(*ferro::node::security::PeerTls::open(
      {(folder / "ca.pem").string(), (folder / "node.pem").string(), (folder / "node.key").string()}));
}

void measure(const char* name, const ferro::node::security::PeerTls* tls, int64_t duration_ns) {
  Node a("a", tls), b("b", tls);
  a.loop.run_and_wait([&] { a.peers->set_address("b", {"127.0.0.1", b.network->port()}); });
  Callers(a, 1, 100'000'000).run(1);  // connects, warms up
  for (const size_t body_bytes : {size_t{2000}, size_t{100'000}}) {
    for (const int callers : {1, 50}) {
      auto took_ns = Callers(a, body_bytes, duration_ns).run(callers);
      std::sort(took_ns.begin(), took_ns.end());
      const double per_second = static_cast<double>(took_ns.size()) * 1e9 / static_cast<double>(duration_ns);
      std::printf("%-6s %7zu bytes %3d callers %9.0f calls/s  p50 %7.1f us  p99 %8.1f us\n", name, body_bytes,
                  callers, per_second, static_cast<double>(took_ns[took_ns.size() / 2]) / 1e3,
                  static_cast<double>(took_ns[took_ns.size() * 99 / 100]) / 1e3);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  ferro::obs::set_level(ferro::obs::Level::error);
  const double seconds = count > 1 ? std::atof(arguments[1]) : 2.0;
  const auto duration_ns = static_cast<int64_t>(seconds * 1e9);
  std::string pattern = (std::filesystem::temp_directory_path() / "peer_bench_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return 1;
  const auto tls = make_tls(pattern);
  std::filesystem::remove_all(pattern);
  measure("plain", nullptr, duration_ns);
  measure("tls", tls.get(), duration_ns);
  return 0;
}
