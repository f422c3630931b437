#include "node/http/core.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "common/base/limits.h"
#include "common/obs/log.h"
#include "node/http/connection.h"
#include "node/http/refusal.h"
#include "node/http/response_batch.h"

namespace ferro::node::http {

namespace asio = boost::asio;
using Error = boost::system::error_code;

namespace {

// Connections taken from the kernel's queue at shutdown; more than its length would be new ones.
constexpr int kWaitingConnectionsMax = 4096;
constexpr uint64_t kPauseLogSeconds = 10;

std::string port_is_taken(const asio::ip::tcp::endpoint& endpoint) {
  return "port " + std::to_string(endpoint.port()) + " on " + endpoint.address().to_string() +
         " is in use by another process: stop that one or choose another port";
}

Status to_status(const Error& error, const asio::ip::tcp::endpoint& endpoint) {
  if (error == asio::error::address_in_use) return {StatusCode::failed_precondition, port_is_taken(endpoint)};
  return Status::from_errno(error.value(), "listen on " + endpoint.address().to_string() + " port " +
                                               std::to_string(endpoint.port()));
}

void share_port(int socket, Error& error) {
  const int on = 1;
  if (setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
    error = {errno, boost::system::system_category()};
}

}  // namespace

Core::Core(std::shared_ptr<ServerState> state)
    : state_(std::move(state)), work_(io_.get_executor()), acceptor_(io_.get_executor()), tick_timer_(io_) {
  set_date();
}

Core::~Core() = default;

// Linux lets any process of the same user join a port whose listeners all have SO_REUSEPORT, so the first one
// claims it without (two claims at once: one fails at listen), and gets the option only then. SO_REUSEADDR is
// for connections of the process before us that wait in TIME_WAIT.
Result<uint16_t> Core::listen(const asio::ip::tcp::endpoint& endpoint, bool claims_port) {
  Error error;
  const auto run = [&error](auto&& step) {
    if (!error) step();
  };
  run([&] { acceptor_.open(endpoint.protocol(), error); });
  run([&] { acceptor_.set_option(asio::socket_base::reuse_address(true), error); });
  // Linux hands this option down to accepted connections.
  run([&] { acceptor_.set_option(asio::ip::tcp::no_delay(true), error); });
  if (endpoint.protocol() == asio::ip::tcp::v6()) {
    run([&] { acceptor_.set_option(asio::ip::v6_only(false), error); });
  }
  if (!claims_port) run([&] { share_port(acceptor_.native_handle(), error); });
  run([&] { acceptor_.bind(endpoint, error); });
  run([&] { acceptor_.listen(asio::socket_base::max_listen_connections, error); });
  if (claims_port) run([&] { share_port(acceptor_.native_handle(), error); });
  uint16_t port = 0;
  run([&] { port = acceptor_.local_endpoint(error).port(); });
  if (error) return to_status(error, endpoint);
  return port;
}

void Core::run() {
  accept_next();
  arm_tick();
  io_.run();
}

void Core::accept_next() {
  if (draining_) return;
  acceptor_.async_accept(
      [this](const Error& error, TcpSocket socket) { on_accept(error, std::move(socket)); });
}

void Core::on_accept(const Error& error, TcpSocket socket) {
  const bool too_late = draining_ && !drained_;
  if (too_late || error == asio::error::operation_aborted) return;
  if (error && error != asio::error::connection_aborted) {
    // Out of descriptors or memory: asking again at once would spin. The next tick asks again.
    accept_paused_ = true;
    if (pause_logged_ == 0 || tick_ >= pause_logged_ + ticks(kPauseLogSeconds)) {
      pause_logged_ = tick_;
      obs::warn("accepting connections pauses", {{"error", error.message()}});
    }
    return;
  }
  if (!error) admit(std::move(socket));
  accept_next();
}

void Core::admit(TcpSocket socket) {
  ServerFigures& figures = state_->figures;
  if (figures.connections.fetch_add(1, std::memory_order_relaxed) >= state_->options.max_connections) {
    figures.connections.fetch_sub(1, std::memory_order_relaxed);
    figures.connections_refused.fetch_add(1, std::memory_order_relaxed);
    return refuse(std::move(socket));
  }
  figures.connections_total.fetch_add(1, std::memory_order_relaxed);
  auto* tls = state_->options.tls;
  std::shared_ptr<Connection> connection;
  try {
    connection = std::make_shared<Connection>(shared_from_this(), std::move(socket),
                                              tls != nullptr ? tls->current() : nullptr);
    connection->place = connections_.size();
    connections_.push_back(connection);
  } catch (const std::exception& failure) {  // out of memory
    figures.connections.fetch_sub(1, std::memory_order_relaxed);
    return obs::error("a connection could not be set up", {{"error", failure.what()}});
  }
  connection->start();
}

// Says why if that costs nothing: one try to write, no waiting.
void Core::refuse(TcpSocket socket) {
  if (state_->options.tls != nullptr) return;
  Error ignored;
  std::string id;
  request_ids_.append_next(id);
  ResponseBatch batch;
  batch.append(make_refusal(state_->service, 503, "too many connections"),
               {.date = date_line_, .request_id = id, .keep_alive = false});
  std::array<std::string_view, ResponseBatch::kPartsMax> parts;
  batch.gather(parts);
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(parts[0].data(), parts[0].size()), ignored);
  socket.shutdown(asio::socket_base::shutdown_send, ignored);
}

void Core::arm_tick() {
  tick_timer_.expires_after(std::chrono::milliseconds(kTickMs));
  tick_timer_.async_wait([this](const Error& error) {
    if (!error) on_tick();
  });
}

void Core::on_tick() {
  ++tick_;
  set_date();
  if (std::exchange(accept_paused_, false)) accept_next();
  // Backwards: a connection that closes gives its place to the last one.
  for (size_t i = connections_.size(); i-- > 0;) {
    const auto connection = connections_[i];
    connection->check_deadlines();
  }
  if (!draining_ || !connections_.empty()) arm_tick();
}

void Core::set_date() {
  const int64_t second = clock_.wall_ms() / 1000;
  if (second == date_second_) return;
  date_second_ = second;
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = second;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char line[64];
  const int size = std::snprintf(line, sizeof line, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                 kDays[utc.tm_wday % 7], utc.tm_mday, kMonths[utc.tm_mon % 12],
                                 utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  date_line_.assign(line, static_cast<size_t>(size));
}

std::unique_ptr<Exchange> Core::take_exchange() {
  if (exchanges_.empty()) return std::make_unique<Exchange>(state_->large_bodies);
  auto exchange = std::move(exchanges_.back());
  exchanges_.pop_back();
  return exchange;
}

void Core::give_back(std::unique_ptr<Exchange> exchange) {
  if (exchanges_.size() >= limits::kExchangesKept) return;
  exchange->reset();
  exchanges_.push_back(std::move(exchange));
}

void Core::remove(Connection& connection) {
  state_->figures.connections.fetch_sub(1, std::memory_order_relaxed);
  const size_t place = connection.place;
  const auto alive = std::move(connections_[place]);
  if (place + 1 != connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place = place;
  }
  connections_.pop_back();
  check_drained();
}

void Core::deliver(std::shared_ptr<Connection> connection, size_t slot, Response&& response) {
  put({std::move(connection), slot, std::move(response), nullptr});
}

void Core::deliver(std::shared_ptr<Connection> connection, std::function<void()> work) {
  put({std::move(connection), 0, {}, std::move(work)});
}

void Core::put(Delivery delivery) {
  const auto alive = shared_from_this();  // the connection may be the last to hold it
  bool first = false;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (inbox_closed_) return;
    first = inbox_.empty();
    inbox_.push_back(std::move(delivery));
  }
  if (first) asio::post(io_, [this] { take_inbox(); });
}

void Core::take_inbox() {
  std::vector<Delivery> deliveries;
  {
    const std::lock_guard lock(inbox_mutex_);
    deliveries.swap(inbox_);
  }
  for (Delivery& delivery : deliveries) {
    if (delivery.work) {
      delivery.connection->take_work(delivery.work);
    } else {
      delivery.connection->take_answer(delivery.slot, std::move(delivery.response));
    }
  }
}

void Core::close_inbox() {
  std::vector<Delivery> dropped;
  const std::lock_guard lock(inbox_mutex_);
  inbox_closed_ = true;
  dropped.swap(inbox_);
}

void Core::begin_drain(std::function<void()> drained) {
  asio::post(io_, [this, drained = std::move(drained)]() mutable {
    accept_waiting();
    draining_ = true;
    drained_ = std::move(drained);
    for (size_t i = connections_.size(); i-- > 0;) {
      const auto connection = connections_[i];
      connection->begin_drain();
    }
    check_drained();
  });
}

// Connections that the kernel has already greeted would be reset by closing the port: they are served their
// requests.
void Core::accept_waiting() {
  Error error;
  acceptor_.cancel(error);
  acceptor_.non_blocking(true, error);
  for (int i = 0; i < kWaitingConnectionsMax && !error; ++i) {
    TcpSocket socket(io_.get_executor());
    acceptor_.accept(socket, error);
    if (!error) admit(std::move(socket));
  }
  acceptor_.close(error);
}

void Core::force_close() {
  asio::post(io_, [this] {
    while (!connections_.empty()) {
      const auto connection = connections_.back();
      connection->close();
    }
  });
}

void Core::check_drained() {
  if (!draining_ || !connections_.empty() || !drained_) return;
  tick_timer_.cancel();
  work_.reset();
  std::exchange(drained_, nullptr)();
}

}  // namespace ferro::node::http
