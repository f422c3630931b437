// The half of a connection that runs requests and writes their answers; connection.cc reads and ends.
#include <exception>
#include <string>
#include <utility>

#include "common/base/assert.h"
#include "common/obs/log.h"
#include "node/http/connection.h"
#include "node/http/refusal.h"

namespace ferro::node::http {
namespace {

bool is_safe(Method method) noexcept {
  return method == Method::get || method == Method::head || method == Method::options;
}

// One line for an answer, so that a caller's request id can be found: failures of the node always, the rest
// at debug. The query string may hold anything and is left out.
void log_answer(const Request& request, unsigned status) {
  const bool failed = status == 500;
  const obs::Level level = failed ? obs::Level::warn : obs::Level::debug;
  if (!obs::would_log(level)) return;
  const std::string_view path = failed ? request.path.substr(0, request.path.find('/', 1)) : request.path;
  obs::log(level, failed ? "a request failed" : "answered",
           {{"request_id", std::string(request.request_id)},
            {"method", std::string(to_string(request.method))},
            {"path", std::string(path)},  // at warn without ids and names: they are the caller's
            {"status", std::to_string(status)}});
}

}  // namespace

// --- running ---

void Connection::pump() {
  if (pumping_ || stage_ != Stage::open) return;
  pumping_ = true;
  do {
    parse();
    start_runnable();
  } while (flush());
  pumping_ = false;
  settle();
}

void Connection::start_runnable() {
  for (size_t i = 0; i < owed_; ++i) {
    if (at(i).state != Exchange::State::queued) continue;
    if (!may_run(at(i))) return;
    run((first_ + i) % ring_.size());
  }
}

// Beside those that run, only if all are safe; and not while the client leaves large answers unread.
bool Connection::may_run(const Exchange& exchange) const noexcept {
  if (running_ > 0 && (running_unsafe_ > 0 || !is_safe(exchange.request.method))) return false;
  return waiting_answer_bytes_ + (write_pending_ ? batch_.bytes() : 0) < limits::kWaitingAnswerBytesMax;
}

void Connection::run(size_t slot) {
  ServerFigures& figures = state_.figures;
  Exchange& exchange = *ring_[slot];
  figures.requests_total.fetch_add(1, std::memory_order_relaxed);
  if (figures.requests_in_flight.fetch_add(1, std::memory_order_relaxed) >=
      state_.options.max_inflight_requests) {
    figures.requests_in_flight.fetch_sub(1, std::memory_order_relaxed);
    figures.requests_shed.fetch_add(1, std::memory_order_relaxed);
    return set_answer(exchange,
                      make_refusal(state_.service, 503, "overloaded: too many requests are running"));
  }
  exchange.state = Exchange::State::running;
  ++running_;
  if (!is_safe(exchange.request.method)) ++running_unsafe_;
  const auto log_failure =
      [&exchange](const char* what) {  // the Reply died on the way out and has answered 500
        obs::error("a request handler failed",
                   {{"request_id", std::string(exchange.request.request_id)}, {"error", what}});
      };
  try {
    state_.service.handle(exchange.request,
                          Reply(std::static_pointer_cast<Connection>(shared_from_this()), slot));
  } catch (const std::exception& failure) {
    log_failure(failure.what());
  } catch (...) {
    log_failure("an exception of an unknown type");
  }
}

void Connection::answer(size_t slot, Response&& response) noexcept {
  state_.figures.requests_in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (core_->is_current()) return take_answer(slot, std::move(response));
  core_->deliver(std::static_pointer_cast<Connection>(shared_from_this()), slot, std::move(response));
}

void Connection::run_there(std::function<void()> work) {
  core_->deliver(std::static_pointer_cast<Connection>(shared_from_this()), std::move(work));
}

void Connection::take_work(const std::function<void()>& work) {
  guarded(work);
}

void Connection::take_answer(size_t slot, Response&& response) {
  Exchange& exchange = *ring_[slot];
  FERRO_ASSERT(exchange.state == Exchange::State::running, "a Reply answers once");
  --running_;
  if (!is_safe(exchange.request.method)) --running_unsafe_;
  set_answer(exchange, std::move(response));
  guarded([this] { pump(); });
}

void Connection::set_answer(Exchange& exchange, Response&& response) {
  waiting_answer_bytes_ += response.body.size();
  exchange.response = std::move(response);
  exchange.state = Exchange::State::done;
}

// --- writing ---

// The connection ends behind this one: the client wants it so, nothing more can be read, or the server stops.
bool Connection::is_last_answer() const noexcept {
  return owed_ == 1 && (no_more_input_ || (core_->draining() && input_.empty() && !reader_.skipping()));
}

bool Connection::flush() {
  if (write_pending_ || stage_ != Stage::open) return false;
  while (owed_ > 0 && at(0).state == Exchange::State::done) {
    const bool last = is_last_answer();
    waiting_answer_bytes_ -= at(0).response.body.size();
    append_answer(at(0), last);
    release_first();
    if (last) no_more_input_ = true;
  }
  if (owed_ == 1 && at(0).wants_continue && at(0).state == Exchange::State::reading) {
    batch_.append_continue();
    at(0).wants_continue = false;
  }
  if (batch_.empty()) return false;

  std::array<std::string_view, ResponseBatch::kPartsMax> parts;
  const size_t count = batch_.gather(parts);
  switch (transport_->write({parts.data(), count})) {
    case WriteState::done:
      batch_.clear();
      return true;
    case WriteState::failed:
      close();
      return false;
    case WriteState::pending:
      break;
  }
  write_pending_ = true;
  write_end_ = core_->tick() +
               Core::ticks(state_.options.write_timeout_seconds + batch_.bytes() / limits::kBodyRateMin);
  on_write_progress();
  return false;
}

void Connection::append_answer(Exchange& exchange, bool last) {
  const Request& request = exchange.request;
  if (request.request_id.empty()) {  // refused before one was read
    exchange.head.clear();
    core_->request_ids().append_next(exchange.head);
    exchange.request.request_id = exchange.head;
  }
  log_answer(request, exchange.response.status);
  compress(exchange);
  batch_.append(std::move(exchange.response), {.date = core_->date_line(),
                                               .request_id = request.request_id,
                                               .http_1_1 = exchange.http_1_1,
                                               .keep_alive = !last,
                                               .without_body = request.method == Method::head});
}

void Connection::compress(Exchange& exchange) {
  Response& response = exchange.response;
  if (!is_worth_gzip(response)) return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  std::string compressed;
  if (!exchange.request.accepts_gzip || !core_->gzip().compress(response.body, compressed)) return;
  response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = std::move(compressed);
}

void Connection::release_first() {
  waiting_body_bytes_ -= at(0).body.size();
  std::unique_ptr<Exchange> exchange = std::move(ring_[first_]);
  first_ = (first_ + 1) % ring_.size();
  --owed_;
  if (exchange.get() == body_target_) {
    pinned_ = std::move(exchange);
  } else {
    core_->give_back(std::move(exchange));
  }
}

void Connection::on_write_progress() {
  write_deadline_ = core_->tick() + Core::ticks(state_.options.write_timeout_seconds);
}

void Connection::on_written(bool ok) {
  write_pending_ = false;
  if (stage_ != Stage::open) return;
  if (!ok) return close();
  batch_.clear();
  guarded([this] { pump(); });
}

}  // namespace ferro::node::http
