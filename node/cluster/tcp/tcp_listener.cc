#include "node/cluster/tcp/tcp_listener.h"

#include <boost/asio/ip/v6_only.hpp>
#include <string>
#include <utility>

#include "common/obs/log.h"

namespace ferro::node::cluster {

namespace asio = boost::asio;
using Error = boost::system::error_code;

namespace {
constexpr int64_t kPauseMs = 500;  // after an accept that failed for want of descriptors or memory
}

struct TcpListener::State {
  explicit State(AsioLoop& on) : loop(on), acceptor(on.context().get_executor()) {}
  AsioLoop& loop;
  asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type> acceptor;
  Accepted accepted;
  bool closed = false;
};

TcpListener::TcpListener(AsioLoop& loop) : state_(std::make_shared<State>(loop)) {}

Status TcpListener::open(const Endpoint& bind) {
  const std::string place = to_string(bind);
  Error error;
  asio::ip::address address = asio::ip::make_address(bind.host, error);
  if (error) {
    error.clear();
    asio::ip::tcp::resolver resolver(state_->loop.context());
    const auto found =
        resolver.resolve(bind.host, std::to_string(bind.port), asio::ip::tcp::resolver::passive, error);
    if (error || found.empty())
      return Status::invalid("cluster.gossip_addr: " + bind.host + " is no address of this machine (" +
                             error.message() + ")");
    address = found.begin()->endpoint().address();
  }
  const TcpAddress endpoint(address, bind.port);
  auto& acceptor = state_->acceptor;
  const auto run = [&error](auto&& step) {
    if (!error) step();
  };
  run([&] { acceptor.open(endpoint.protocol(), error); });
  run([&] { acceptor.set_option(asio::socket_base::reuse_address(true), error); });
  if (endpoint.protocol() == asio::ip::tcp::v6())
    run([&] { acceptor.set_option(asio::ip::v6_only(false), error); });
  run([&] { acceptor.bind(endpoint, error); });
  run([&] { acceptor.listen(asio::socket_base::max_listen_connections, error); });
  run([&] { port_ = acceptor.local_endpoint(error).port(); });
  if (error == asio::error::address_in_use)
    return {StatusCode::failed_precondition,
            "cluster.gossip_addr: " + place +
                " is in use by another process: stop that one or choose another port"};
  if (error) return Status::from_errno(error.value(), "cluster.gossip_addr: listen on " + place);
  return {};
}

void TcpListener::start(Accepted accepted) {
  state_->accepted = std::move(accepted);
  accept_next(state_);
}

void TcpListener::accept_next(const std::shared_ptr<State>& state) {
  if (state->closed) return;
  state->acceptor.async_accept([state](const Error& error, TcpSocket socket) {
    if (state->closed) return;
    if (error && error != asio::error::connection_aborted) {
      obs::warn("accepting links between nodes pauses", {{"error", error.message()}});
      state->loop.after(kPauseMs, [state] { accept_next(state); });
      return;
    }
    if (!error) state->accepted(std::move(socket));
    accept_next(state);
  });
}

void TcpListener::close() {
  if (std::exchange(state_->closed, true)) return;
  Error ignored;
  state_->acceptor.close(ignored);
  state_->accepted = nullptr;
}

}  // namespace ferro::node::cluster
