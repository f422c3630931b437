// How cpprestsdk 2.10 is used, and why so:
// - Everything of the library runs on its pool's one thread; requests and cancellations are posted there. The
//   library touches sockets from whatever thread cancels, which is a race with more than one.
// - Its time-out starts anew with every piece and stands for the whole client, so it is switched off (a day)
//   and the waiting thread keeps the time.
// - The body goes into a buffer of ours that holds the library back when nobody reads.
// - It repeats a request by itself if a kept connection turns out closed. That is harmless for everything but
//   POST, which therefore gets a connection of its own.
// - A chunk is read whole before it is handed over; the server behind TLS is trusted with that.
#include "operator/k8s/cpprest_transport.h"

#include <cpprest/http_client.h>
#include <cpprest/producerconsumerstream.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pplx/threadpool.h>
#include <sys/socket.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "operator/k8s/access_files.h"
#include "operator/k8s/exchange.h"
#include "operator/k8s/line_splitter.h"

namespace ferro::oper::k8s {
namespace {

namespace http = web::http;
using http::client::http_client;
using http::client::http_client_config;
namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

constexpr auto kLibraryTimeout = std::chrono::hours(24);
constexpr int64_t kRetryAfterSecondsMax = 3600;
// A peer that vanished is found within 15 + 3 x 10 seconds, bytes that nobody acknowledges within 30.
constexpr int kKeepAliveIdleSeconds = 15, kKeepAliveIntervalSeconds = 10, kKeepAliveProbes = 3;
constexpr int kUnacknowledgedMsMax = 30'000;

void on_library_thread(std::function<void()> work) {
  static std::once_flag once;
  std::call_once(once, [] {
    try {
      crossplat::threadpool::initialize_with_threads(1);
    } catch (const std::exception&) {
      // Somebody else of this process was first; then it is their choice.
    }
  });
  crossplat::threadpool::shared_instance().service().post(std::move(work));
}

// Where the library writes a body: into an Exchange, waiting while that is full.
class BodyBuffer final : public Concurrency::streams::details::basic_producer_consumer_buffer<uint8_t> {
 public:
  explicit BodyBuffer(std::shared_ptr<Exchange> exchange)
      : basic_producer_consumer_buffer(1), exchange_(std::move(exchange)) {}

 protected:
  pplx::task<size_t> _putn(const uint8_t* bytes, size_t count) override {
    pplx::task_completion_event<size_t> taken;
    const bool room =
        exchange_->piece({reinterpret_cast<const char*>(bytes), count}, [taken, count] { taken.set(count); });
    return room ? pplx::task_from_result(count) : pplx::create_task(taken);
  }

 private:
  const std::shared_ptr<Exchange> exchange_;
};

int64_t retry_after_ms(const http::http_response& response) {
  const auto found = response.headers().find("Retry-After");
  if (found == response.headers().end()) return -1;
  const std::string& text = found->second;
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0)
    return -1;  // a date: unused here
  return std::min(seconds, kRetryAfterSecondsMax) * 1000;
}

void find_dead_peers(int socket) {
  const auto set = [&](int level, int name, int value) {
    // What the system refuses is left: the silence of a watch is bounded above as well.
    static_cast<void>(::setsockopt(socket, level, name, &value, sizeof value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUnacknowledgedMsMax);
}

// The library shows the socket before it is opened. For a server given by its address the family is known, so
// it is opened here; a name may resolve to either, and goes without.
void prepare_socket(void* handle, const ServerUrl& server) {
  if (!server.host_is_address) return;
  auto& socket = server.tls ? static_cast<asio::ssl::stream<Tcp::socket&>*>(handle)->next_layer()
                            : *static_cast<Tcp::socket*>(handle);
  if (socket.is_open()) return;
  boost::system::error_code error;
  socket.open(server.host.find(':') == std::string::npos ? Tcp::v4() : Tcp::v6(), error);
  if (!error) find_dead_peers(socket.native_handle());
}

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(const Access& access, const Clock& clock, TransportOptions options)
      : server_(access.server),
        server_name_(access.server_name),
        clock_(clock),
        options_(options),
        files_(access),
        diagnosis_(std::make_shared<TrustDiagnosis>()) {}
  ~CpprestTransport() override {
    if (kept_client_ != nullptr) {
      on_library_thread([client = std::move(kept_client_)]() mutable { client.reset(); });
    }
  }

  Status check() { return files_.check(); }

  Result<HttpResponse> call(const HttpRequest& request) override;
  Result<HttpResponse> stream(const HttpRequest& request,
                              const std::function<bool(std::string_view line)>& on_line) override;
  void interrupt_streams() override;

 private:
  using Client = std::shared_ptr<http_client>;
  struct Running {
    std::shared_ptr<Exchange> exchange = std::make_shared<Exchange>();
    pplx::cancellation_token_source source;
    void cancel() const {
      on_library_thread([source = source] { source.cancel(); });
    }
  };

  Result<Client> client_for(bool fresh);
  Client make_client(const std::shared_ptr<const TlsMaterial>& tls) const;
  Status start(const HttpRequest& request, const Running& running, const Secret& token);
  Result<HttpResponse> call_once(const HttpRequest& request, const Secret& token);
  Result<HttpResponse> stream_once(const HttpRequest& request, const Secret& token,
                                   const std::function<bool(std::string_view)>& on_line);
  template <typename Once>
  Result<HttpResponse> with_token(const Once& once);
  Result<HttpResponse> read_body(const Running& running, const Exchange::Head& head, int64_t deadline_ns);
  Status explain(const Status& status) const;
  int64_t left_ms(int64_t deadline_ns) const {
    return std::max<int64_t>(0, (deadline_ns - clock_.steady_ns()) / 1'000'000);
  }

  const ServerUrl server_;
  const std::string server_name_;
  const Clock& clock_;
  const TransportOptions options_;
  AccessFiles files_;
  const std::shared_ptr<TrustDiagnosis> diagnosis_;
  std::mutex mutex_;
  Client kept_client_;  // with its kept connections
  std::shared_ptr<const TlsMaterial> kept_tls_;
  bool interrupted_ = false;
  std::map<const Exchange*, Running> streams_;
};

CpprestTransport::Client CpprestTransport::make_client(const std::shared_ptr<const TlsMaterial>& tls) const {
  http_client_config config;
  config.set_timeout(kLibraryTimeout);
  config.set_max_redirects(0);  // the API server sends none, and a token is for nobody else
  config.set_nativehandle_options([server = server_](void* handle) { prepare_socket(handle, server); });
  if (tls != nullptr) {
    config.set_validate_certificates(tls->verify);
    config.set_tlsext_sni_enabled(!tls->server_name_is_address);  // RFC 6066: no addresses
    config.set_ssl_context_callback([tls, diagnosis = diagnosis_](asio::ssl::context& context) {
      const Status status = configure_tls(*tls, diagnosis, context.native_handle());
      // The library catches it and fails the request with it.
      if (!status.ok()) throw std::runtime_error(status.message());
    });
  }
  // The library hands the host to the resolver as it stands, so an IPv6 address goes in without brackets.
  web::uri_builder address;
  address.set_scheme(server_.tls ? "https" : "http").set_host(server_.host).set_port(server_.port);
  return std::make_shared<http_client>(address.to_uri(), config);
}

Result<CpprestTransport::Client> CpprestTransport::client_for(bool fresh) {
  std::shared_ptr<const TlsMaterial> tls;
  if (server_.tls) {
    FERRO_ASSIGN_OR_RETURN(tls, files_.tls());
  }
  try {
    if (fresh) return make_client(tls);
    const std::lock_guard lock(mutex_);
    if (kept_client_ == nullptr || kept_tls_ != tls) {
      // Connections under the former certificate are left behind; what runs on them ends on them.
      Client former = std::exchange(kept_client_, make_client(tls));
      if (former != nullptr) on_library_thread([former = std::move(former)]() mutable { former.reset(); });
      kept_tls_ = tls;
    }
    return kept_client_;
  } catch (const std::exception& error) {
    return Status::invalid("server " + to_text(server_) + ": " + error.what());
  }
}

// The library's last word on a request, as a Status.
Status status_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return Status::unreachable(known.what());
  } catch (...) {
    return Status::unreachable("an unknown failure of the HTTP library");
  }
}

void follow(const std::shared_ptr<Exchange>& exchange, const pplx::task<http::http_response>& answer) {
  answer.then([exchange](const pplx::task<http::http_response>& headed) {
    try {
      const http::http_response response = headed.get();
      exchange->head(response.status_code(), retry_after_ms(response));
      response.content_ready().then([exchange](const pplx::task<http::http_response>& whole) {
        try {
          whole.get();
          exchange->end(Status());
        } catch (...) {
          exchange->end(status_of(std::current_exception()));
        }
      });
    } catch (...) {
      exchange->end(status_of(std::current_exception()));
    }
  });
}

Status CpprestTransport::start(const HttpRequest& request, const Running& running, const Secret& token) {
  FERRO_ASSIGN_OR_RETURN(Client client, client_for(request.method == "POST"));
  std::string host;
  if (!server_name_.empty()) {
    host = server_name_;  // also what the library announces in the handshake
  } else if (server_.host.find(':') != std::string::npos) {
    host = "[" + server_.host + "]:" + std::to_string(server_.port);
  }
  on_library_thread([client = std::move(client), exchange = running.exchange, source = running.source,
                     request, token, host = std::move(host), target = server_.path_prefix + request.target] {
    try {
      http::http_request message(request.method);
      message.set_request_uri(web::uri(target));
      message.headers().add("Accept", "application/json");
      message.headers().add("User-Agent", "ferrocache-operator");
      if (!host.empty()) message.headers().add("Host", host);
      if (!token.empty()) message.headers().add("Authorization", "Bearer " + std::string(token.reveal()));
      if (!request.body.empty()) message.set_body(request.body, request.content_type);
      using Buffer = Concurrency::streams::details::basic_streambuf<uint8_t>;
      message.set_response_stream(Concurrency::streams::ostream(
          Concurrency::streams::streambuf<uint8_t>(std::shared_ptr<Buffer>(new BodyBuffer(exchange)))));
      follow(exchange, client->request(message, source.get_token()));
    } catch (...) {
      exchange->end(status_of(std::current_exception()));
    }
  });
  return {};
}

Status CpprestTransport::explain(const Status& status) const {
  const std::string why = diagnosis_->take();
  if (why.empty()) return status.with_context(to_text(server_));
  return Status::unreachable(to_text(server_) + ": the server's certificate is not accepted: " + why +
                             " (check the certificate authority and the server's name)");
}

// Reads the body of an answer whole.
Result<HttpResponse> CpprestTransport::read_body(const Running& running, const Exchange::Head& head,
                                                 int64_t deadline_ns) {
  HttpResponse response{head.http_status, {}, head.retry_after_ms};
  while (true) {
    switch (running.exchange->wait_for_body(left_ms(deadline_ns), response.body)) {
      case Exchange::News::bytes:
        if (response.body.size() > options_.body_bytes_max) {
          running.cancel();
          return Status(StatusCode::too_large,
                        "an answer of more than " + std::to_string(options_.body_bytes_max) + " bytes");
        }
        if (left_ms(deadline_ns) > 0) break;
        [[fallthrough]];  // a server that drips keeps nobody beyond the time
      case Exchange::News::silence:
        running.cancel();
        return Status::unavailable(to_text(server_) + ": no complete answer in time");
      case Exchange::News::over:
        if (const Status status = running.exchange->status(); !status.ok()) return explain(status);
        return response;
    }
  }
}

Result<HttpResponse> CpprestTransport::call_once(const HttpRequest& request, const Secret& token) {
  const int64_t deadline_ns = clock_.steady_ns() + request.timeout_ms * 1'000'000;
  const Running running;
  FERRO_RETURN_IF_ERROR(start(request, running, token));
  const std::optional<Exchange::Head> head = running.exchange->wait_for_head(request.timeout_ms);
  if (head) return read_body(running, *head, deadline_ns);
  if (running.exchange->is_over()) return explain(running.exchange->status());
  running.cancel();
  return Status::unavailable(to_text(server_) + ": no answer in time");
}

Result<HttpResponse> CpprestTransport::stream_once(const HttpRequest& request, const Secret& token,
                                                   const std::function<bool(std::string_view)>& on_line) {
  const Running running;
  {
    const std::lock_guard lock(mutex_);
    if (interrupted_) return Status(StatusCode::failed_precondition, "not sent: the process is stopping");
    streams_.emplace(running.exchange.get(), running);
  }
  const auto read = [&]() -> Result<HttpResponse> {
    FERRO_RETURN_IF_ERROR(start(request, running, token));
    const int64_t head_ms = std::min(request.timeout_ms, options_.stream_head_timeout_ms);
    const int64_t deadline_ns = clock_.steady_ns() + head_ms * 1'000'000;
    const std::optional<Exchange::Head> head = running.exchange->wait_for_head(head_ms);
    if (!head) {
      if (running.exchange->is_over()) return explain(running.exchange->status());
      return Status::unreachable(to_text(server_) + ": no answer in time");
    }
    if (head->http_status != 200) return read_body(running, *head, deadline_ns);
    LineSplitter lines(request.line_bytes_max);
    std::string bytes;
    while (true) {
      bytes.clear();
      switch (running.exchange->wait_for_body(request.timeout_ms, bytes)) {
        case Exchange::News::bytes:
          if (!lines.feed(bytes, on_line)) return HttpResponse{200, {}, -1};
          break;
        case Exchange::News::silence:
          return Status::unavailable(to_text(server_) + ": silent");
        case Exchange::News::over:
          if (const Status status = running.exchange->status(); !status.ok()) return explain(status);
          lines.finish(on_line);
          return HttpResponse{200, {}, -1};
      }
    }
  };
  Result<HttpResponse> answer = read();
  {
    const std::lock_guard lock(mutex_);
    streams_.erase(running.exchange.get());
  }
  if (!running.exchange->is_over()) {
    running.exchange->end(Status());  // nobody reads any more
    running.cancel();
  }
  return answer;
}

// A 401 may mean that the token was replaced since it was read: once more with what stands there now. The
// server did nothing, so anything may be repeated.
template <typename Once>
Result<HttpResponse> CpprestTransport::with_token(const Once& once) {
  FERRO_ASSIGN_OR_RETURN(const Secret token, files_.token());
  Result<HttpResponse> answer = once(token);
  if (!answer.ok() || answer->status != 401) return answer;
  const Result<Secret> now = files_.token(true);
  if (!now.ok() || now->reveal() == token.reveal()) return answer;
  return once(now.value());
}

Result<HttpResponse> CpprestTransport::call(const HttpRequest& request) {
  return with_token([&](const Secret& token) { return call_once(request, token); });
}

Result<HttpResponse> CpprestTransport::stream(const HttpRequest& request,
                                              const std::function<bool(std::string_view line)>& on_line) {
  return with_token([&](const Secret& token) { return stream_once(request, token, on_line); });
}

void CpprestTransport::interrupt_streams() {
  std::map<const Exchange*, Running> streams;
  {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    streams = streams_;
  }
  for (const auto& [exchange, running] : streams) {
    running.exchange->end(Status(StatusCode::failed_precondition, "the process is stopping"));
    running.cancel();
  }
}

}  // namespace

Result<std::unique_ptr<Transport>> make_cpprest_transport(const Access& access, const Clock& clock,
                                                          TransportOptions options) {
  auto transport = std::make_unique<CpprestTransport>(access, clock, options);
  if (const Status status = transport->check(); !status.ok()) {
    return status.with_context(access.source);
  }
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace ferro::oper::k8s
