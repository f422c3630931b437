#include "node/cluster/tcp/tcp_network.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <unordered_map>
#include <utility>

#include "node/cluster/tcp/tcp_link.h"
#include "node/cluster/tcp/tcp_listener.h"

namespace ferro::node::cluster {

namespace asio = boost::asio;
using Error = boost::system::error_code;

namespace {

class RealNetwork final : public TcpNetwork, public LinkOwner {
 public:
  RealNetwork(TcpOptions options, AsioLoop& loop)
      : options_(std::move(options)), loop_(loop), listener_(loop), resolver_(loop.context()) {}
  ~RealNetwork() override { stop(); }

  Status open() { return listener_.open(options_.bind); }

  void set_handler(LinkHandler& handler) override;
  LinkId connect(const Endpoint& to) override;
  bool send(LinkId link, std::string frame) override;
  size_t waiting_bytes(LinkId link) const override;
  void close(LinkId link) override;
  std::string remote_host(LinkId link) const override;
  void resolve(const Endpoint& name, std::function<void(Result<std::vector<Endpoint>>)> done) override;

  uint16_t port() const override { return listener_.port(); }
  void stop() override;
  const TcpFigures& figures() const override { return figures_; }
  std::vector<LinkFacts> links() const override;

 private:
  using Addresses = std::vector<TcpAddress>;

  const TcpOptions& options() const override { return options_; }
  AsioLoop& loop() override { return loop_; }
  TcpFigures& counts() override { return figures_; }
  void on_up(TcpLink& link) override;
  void on_frame(TcpLink& link, std::string_view frame) override { handler_->on_frame(link.id(), frame); }
  void on_failed(TcpLink& link, const Status& why) override;
  void flush_soon(TcpLink& link) override;

  void admit(TcpSocket socket);
  void find_addresses(const Endpoint& name, std::function<void(const Error&, Addresses)> found);
  void flush_dirty();
  void look_at_trust_later();
  void look_at_trust();

  const TcpOptions options_;
  AsioLoop& loop_;
  TcpListener listener_;
  asio::ip::tcp::resolver resolver_;
  LinkHandler* handler_ = nullptr;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // until stop(): for what comes late
  LinkId last_link_ = 0;
  std::unordered_map<LinkId, std::shared_ptr<TcpLink>> links_;
  size_t accepted_ = 0;  // of them
  std::vector<std::shared_ptr<TcpLink>> dirty_;
  TcpFigures figures_;
};

void RealNetwork::set_handler(LinkHandler& handler) {
  loop_.run_and_wait([&] {
    handler_ = &handler;
    listener_.start([this](TcpSocket socket) { admit(std::move(socket)); });
    if (options_.tls != nullptr) look_at_trust_later();
  });
}

void RealNetwork::stop() {
  loop_.run_and_wait([this] {
    if (std::exchange(stopped_, true)) return;
    alive_.reset();
    listener_.close();
    resolver_.cancel();
    for (const auto& [id, link] : std::exchange(links_, {})) link->close();
    dirty_.clear();
  });
}

void RealNetwork::admit(TcpSocket socket) {
  if (accepted_ >= options_.accepted_max) {
    figures_.refused.fetch_add(1, std::memory_order_relaxed);
    return;  // closes it
  }
  ++accepted_;
  figures_.accepted.fetch_add(1, std::memory_order_relaxed);
  const auto link = std::make_shared<TcpLink>(*this, ++last_link_, false);
  links_[link->id()] = link;
  link->accept(std::move(socket));
}

LinkId RealNetwork::connect(const Endpoint& to) {
  const auto link = std::make_shared<TcpLink>(*this, ++last_link_, true);
  if (stopped_) return link->id();
  links_[link->id()] = link;
  link->begin_connect();
  find_addresses(to, [link, to](const Error& error, Addresses addresses) {
    if (error) return link->fail(Status::unavailable("resolving " + to.host + ": " + error.message()));
    link->connect(std::move(addresses));
  });
  return link->id();
}

// Never answers before it returns.
void RealNetwork::find_addresses(const Endpoint& name, std::function<void(const Error&, Addresses)> found) {
  Error error;
  const asio::ip::address address = asio::ip::make_address(name.host, error);
  if (!error) {
    loop_.post([alive = std::weak_ptr(alive_), found = std::move(found), address, port = name.port] {
      if (!alive.expired()) found({}, {{address, port}});
    });
    return;
  }
  resolver_.async_resolve(
      name.host, std::to_string(name.port),
      [alive = std::weak_ptr(alive_), found = std::move(found)](const Error& failure, const auto& results) {
        if (alive.expired()) return;
        Addresses addresses;
        for (const auto& result : results) {
          if (std::find(addresses.begin(), addresses.end(), result.endpoint()) == addresses.end())
            addresses.push_back(result.endpoint());
        }
        const bool is_nothing = addresses.empty() && !failure;
        found(is_nothing ? Error(asio::error::host_not_found) : failure, std::move(addresses));
      });
}

void RealNetwork::resolve(const Endpoint& name, std::function<void(Result<std::vector<Endpoint>>)> done) {
  find_addresses(name,
                 [done = std::move(done), host = name.host](const Error& error, const Addresses& addresses) {
                   if (error) return done(Status::unavailable("resolving " + host + ": " + error.message()));
                   std::vector<Endpoint> endpoints;
                   for (const TcpAddress& address : addresses)
                     endpoints.push_back({address.address().to_string(), address.port()});
                   done(std::move(endpoints));
                 });
}

bool RealNetwork::send(LinkId id, std::string frame) {
  const auto found = links_.find(id);
  if (found == links_.end() || !found->second->is_up() || frame.size() > kFrameBytesMax) return false;
  found->second->send(std::move(frame));
  return true;
}

// Everything that is sent in one turn of the loop goes out together.
void RealNetwork::flush_soon(TcpLink& link) {
  if (std::exchange(link.is_dirty, true)) return;
  dirty_.push_back(link.shared_from_this());
  if (dirty_.size() > 1) return;
  loop_.at_end_of_turn([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) flush_dirty();
  });
}

void RealNetwork::flush_dirty() {
  for (const auto& link : std::exchange(dirty_, {})) {
    link->is_dirty = false;
    link->flush();
  }
}

size_t RealNetwork::waiting_bytes(LinkId id) const {
  const auto found = links_.find(id);
  return found == links_.end() ? 0 : found->second->waiting_bytes();
}

void RealNetwork::close(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const auto link = found->second;
  links_.erase(found);
  if (!link->outgoing()) --accepted_;
  link->close();
}

void RealNetwork::on_up(TcpLink& link) {
  figures_.links.fetch_add(1, std::memory_order_relaxed);
  handler_->on_link_up(link.id(), link.outgoing());
}

// Of an accepted connection that did not come up the one above hears only if that says something: who just
// connects and goes (a port check) is no stranger.
void RealNetwork::on_failed(TcpLink& link, const Status& why) {
  const auto found = links_.find(link.id());
  if (found == links_.end()) return;
  const auto alive = found->second;
  links_.erase(found);
  if (!link.outgoing()) --accepted_;
  if (link.outgoing() || link.was_up()) return handler_->on_link_down(link.id(), why);
  if (why.code() == StatusCode::permission_denied) handler_->on_stranger_refused(link.remote_host(), why);
}

std::string RealNetwork::remote_host(LinkId id) const {
  const auto found = links_.find(id);
  return found == links_.end() ? std::string() : found->second->remote_host();
}

std::vector<LinkFacts> RealNetwork::links() const {
  std::vector<LinkFacts> all;
  for (const auto& [id, link] : links_) {
    if (!link->is_up()) continue;
    LinkFacts& facts = all.emplace_back();
    facts.link = id;
    facts.outgoing = link->outgoing();
    facts.remote = link->remote();
    facts.waiting_bytes = link->waiting_bytes();
    if (link->peer() == nullptr) continue;
    facts.peer_fingerprint = link->peer()->facts().fingerprint_sha256;
    facts.peer_not_after_unix = link->peer()->facts().not_after_unix;
  }
  std::sort(all.begin(), all.end(), [](const LinkFacts& a, const LinkFacts& b) { return a.link < b.link; });
  return all;
}

void RealNetwork::look_at_trust_later() {
  loop_.after(kTrustLookMs, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    look_at_trust();
    look_at_trust_later();
  });
}

// Links of peers that are no longer trusted end; those under another certificate of this node are to be made
// anew.
void RealNetwork::look_at_trust() {
  const auto in_force = options_.tls->current();
  std::vector<std::shared_ptr<TcpLink>> links;
  for (const auto& [id, link] : links_) {
    if (link->is_up()) links.push_back(link);
  }
  for (const auto& link : links) {
    if (!link->is_up() || link->judged_by == in_force->generation) continue;
    link->judged_by = in_force->generation;
    const Status trusted = link->peer()->verify(*in_force);
    if (!trusted.ok()) {
      figures_.untrusted_closed.fetch_add(1, std::memory_order_relaxed);
      link->fail(Status::unavailable(trusted.message()));
    } else if (link->made_under()->certificate.fingerprint_sha256 !=
               in_force->certificate.fingerprint_sha256) {
      handler_->on_link_outdated(link->id());
    }
  }
}

}  // namespace

Result<std::unique_ptr<TcpNetwork>> TcpNetwork::open(TcpOptions options, AsioLoop& loop) {
  auto network = std::make_unique<RealNetwork>(std::move(options), loop);
  FERRO_RETURN_IF_ERROR(network->open());
  return std::unique_ptr<TcpNetwork>(std::move(network));
}

}  // namespace ferro::node::cluster
