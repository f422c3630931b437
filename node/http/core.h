// One core of the server: a thread's event loop with its acceptor, its connections and what they share
// (request objects, gzip, the Date line, the tick that their deadlines are counted in).
//
// Owned by the server, kept alive by its connections (an answer may come after the server has gone). Thread
// rule: everything on the loop's own thread, except `deliver`, `is_current`, `begin_drain`, `force_close`,
// `close_inbox`.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/limits.h"
#include "common/time/clock.h"
#include "node/http/exchange.h"
#include "node/http/gzip.h"
#include "node/http/request_id.h"
#include "node/http/server.h"
#include "node/http/transport.h"

namespace ferro::node::http {

class Connection;

// What all cores share. Kept alive by each of them.
struct ServerState {
  ServerState(ServerOptions server_options, Service& server_service)
      : options(std::move(server_options)), service(server_service) {}
  const ServerOptions options;
  Service& service;
  ServerFigures figures;
  BodyBudget large_bodies{limits::kLargeBodyBytesMax};
};

class Core : public std::enable_shared_from_this<Core> {
 public:
  // Length of a tick: deadlines are late by up to one, never early.
  static constexpr uint64_t kTickMs = 200;
  static constexpr uint64_t ticks(uint64_t seconds) noexcept { return seconds * 1000 / kTickMs + 1; }

  explicit Core(std::shared_ptr<ServerState> state);
  ~Core();

  // Opens the port; the answer is its number. The first core of a server claims it alone, so that any other
  // process is refused, then admits its siblings. Before run().
  Result<uint16_t> listen(const boost::asio::ip::tcp::endpoint& endpoint, bool claims_port);
  // Serves until it was drained or closed and nothing is left to do. On the loop's thread.
  void run();

  // Any thread.
  bool is_current() noexcept { return io_.get_executor().running_in_this_thread(); }
  void deliver(std::shared_ptr<Connection> connection, size_t slot, Response&& response);
  void deliver(std::shared_ptr<Connection> connection, std::function<void()> work);
  // No new connections; idle ones are closed, the others after their last answer. `drained` is then called,
  // once.
  void begin_drain(std::function<void()> drained);
  void force_close();
  // After run() has returned: answers still to come go nowhere.
  void close_inbox();

  // The loop's thread.
  ServerState& state() noexcept { return *state_; }
  bool draining() const noexcept { return draining_; }
  uint64_t tick() const noexcept { return tick_; }
  std::string_view date_line() const noexcept { return date_line_; }
  RequestIdSource& request_ids() noexcept { return request_ids_; }
  Gzip& gzip() noexcept { return gzip_; }
  std::unique_ptr<Exchange> take_exchange();
  void give_back(std::unique_ptr<Exchange> exchange);
  // The connection has closed; forgets it.
  void remove(Connection& connection);

 private:
  struct Delivery {
    std::shared_ptr<Connection> connection;
    size_t slot = 0;
    Response response;
    std::function<void()> work;  // if set, this instead of an answer
  };

  void accept_next();
  void on_accept(const boost::system::error_code& error, TcpSocket socket);
  void accept_waiting();
  void admit(TcpSocket socket);
  void refuse(TcpSocket socket);
  void arm_tick();
  void on_tick();
  void set_date();
  void put(Delivery delivery);
  void take_inbox();
  void check_drained();

  const std::shared_ptr<ServerState> state_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, boost::asio::io_context::executor_type> acceptor_;
  boost::asio::steady_timer tick_timer_;
  uint64_t tick_ = 1;
  bool draining_ = false, accept_paused_ = false;
  uint64_t pause_logged_ = 0;  // tick; 0 = never
  std::function<void()> drained_;

  std::vector<std::shared_ptr<Connection>> connections_;  // each knows its place
  std::vector<std::unique_ptr<Exchange>> exchanges_;      // idle ones
  RequestIdSource request_ids_;
  Gzip gzip_;
  SystemClock clock_;
  int64_t date_second_ = -1;
  std::string date_line_;

  std::mutex inbox_mutex_;  // guards the next two
  std::vector<Delivery> inbox_;
  bool inbox_closed_ = false;
};

}  // namespace ferro::node::http
