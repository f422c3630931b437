#include "node/http/connection.h"

#include <utility>

#include "common/obs/log.h"
#include "node/http/refusal.h"

namespace ferro::node::http {
namespace {

// A smaller rest of a body is read beside what may follow it.
constexpr size_t kDirectReadBytesMin = 4096;

std::unique_ptr<Transport> make_transport(TcpSocket socket, std::shared_ptr<boost::asio::ssl::context> tls,
                                          TransportEvents& events) {
  if (!tls) return make_tcp_transport(std::move(socket), events);
  return make_tls_transport(std::move(socket), std::move(tls), events);
}

}  // namespace

Connection::Connection(std::shared_ptr<Core> core, TcpSocket socket,
                       std::shared_ptr<boost::asio::ssl::context> tls)
    : core_(std::move(core)),
      state_(core_->state()),
      transport_(make_transport(std::move(socket), std::move(tls), *this)),
      reader_({state_.options.max_header_bytes, state_.options.max_body_bytes}, core_->request_ids()) {}

Connection::~Connection() = default;

void Connection::start() {
  other_deadline_ = core_->tick() + Core::ticks(state_.options.read_timeout_seconds);
  transport_->start();
}

void Connection::on_ready(bool ok, bool mutual_tls) {
  if (stage_ != Stage::greeting) return;
  if (!ok) return close();
  mutual_tls_ = mutual_tls;
  stage_ = Stage::open;
  guarded([this] { settle(); });
}

void Connection::close() {
  if (stage_ == Stage::closed) return;
  stage_ = Stage::closed;
  transport_->close();
  core_->remove(*this);
}

void Connection::close_after(const char* failure) noexcept {
  obs::error("a connection failed", {{"error", failure}});
  close();
}

void Connection::begin_drain() {
  guarded([this] { settle(); });
}

// --- reading ---

void Connection::on_read(size_t bytes, ReadEnd end) {
  guarded([&] { take_read(bytes, end); });
}

void Connection::take_read(size_t bytes, ReadEnd end) {
  read_pending_ = false;
  Exchange* const body = std::exchange(body_target_, nullptr);
  const std::unique_ptr<Exchange> unpinned = std::move(pinned_);
  if (stage_ == Stage::lingering) return end == ReadEnd::data ? linger(bytes) : close();
  if (stage_ != Stage::open) return;
  if (end == ReadEnd::failed) return close();
  if (end == ReadEnd::end_of_stream) {
    // The peer may only have closed its sending side: what is owed is still written.
    no_more_input_ = true;
    drop_reading();
  } else if (!no_more_input_) {
    if (body == nullptr) {
      input_.commit(bytes);
    } else {
      take_step(reader_.body_read(bytes, *body));
    }
  }
  pump();
}

Exchange* Connection::reading() noexcept {
  if (owed_ == 0 || at(owed_ - 1).state != Exchange::State::reading) return nullptr;
  return &at(owed_ - 1);
}

void Connection::drop_reading() {
  read_started_ = 0;
  if (reading() == nullptr) return;
  core_->give_back(std::move(ring_[(first_ + owed_ - 1) % ring_.size()]));
  --owed_;
}

bool Connection::may_begin_request() const noexcept {
  return owed_ < ring_.size() && waiting_body_bytes_ < limits::kPipelinedBodyBytesMax;
}

void Connection::parse() {
  while (!no_more_input_ && !input_.empty()) {
    if (reader_.skipping()) {
      input_.consume(reader_.skip(input_.view().size()));
      if (!reader_.skipping()) read_started_ = 0;
      continue;
    }
    if (reading() == nullptr) {
      if (!may_begin_request()) return;
      ring_[(first_ + owed_++) % ring_.size()] = core_->take_exchange();
      read_started_ = core_->tick();
    }
    const RequestReader::Step step = reader_.feed(input_.view(), *reading());
    input_.consume(step.consumed);
    take_step(step.event);
    if (step.event != RequestReader::Event::need_more) continue;
    if (input_.empty() && reader_.at_start()) drop_reading();  // it was only a blank line
    if (step.consumed == 0) return;
  }
}

void Connection::take_step(RequestReader::Event event) {
  if (event == RequestReader::Event::refused) return refuse_reading(reader_.refusal());
  if (event != RequestReader::Event::complete) return;
  Exchange& exchange = *reading();
  exchange.request.over_mutual_tls = mutual_tls_;
  exchange.state = Exchange::State::queued;
  waiting_body_bytes_ += exchange.body.size();
  read_started_ = 0;
  if (!exchange.keep_alive) no_more_input_ = true;
}

void Connection::refuse_reading(const Refusal& refusal) {
  state_.figures.requests_total.fetch_add(1, std::memory_order_relaxed);
  state_.figures.requests_refused.fetch_add(1, std::memory_order_relaxed);
  Exchange& exchange = *reading();
  set_answer(exchange, make_refusal(state_.service, refusal.status, refusal.reason));
  waiting_body_bytes_ += exchange.body.size();
  if (refusal.ends_connection || !exchange.keep_alive) {
    no_more_input_ = true;
    lingers_ = true;
    input_.clear();
    read_started_ = 0;
  }
}

void Connection::read_more() {
  if (read_pending_ || no_more_input_) return;
  Exchange* const into = reading();
  if (into == nullptr && !reader_.skipping() && !may_begin_request()) return;
  read_pending_ = true;
  if (into != nullptr && input_.empty()) {
    const std::span<char> window = reader_.body_window(*into);
    if (window.size() >= kDirectReadBytesMin) {
      body_target_ = into;
      return transport_->read(window);
    }
  }
  transport_->read(input_.room());
}

// --- resting and ending ---

// After everything that could be done: rests until more comes, or ends.
void Connection::settle() {
  if (stage_ != Stage::open) return;
  other_deadline_ = 0;
  if (owed_ == 0 && !write_pending_) {
    if (no_more_input_) return finish();
    const bool idle = input_.empty() && !reader_.skipping();
    if (idle && core_->draining()) {
      // A read that runs may have taken a request already: its end tells.
      if (read_pending_) return transport_->cancel_read();
      if (!transport_->has_input()) return finish();
    }
    if (idle) other_deadline_ = core_->tick() + Core::ticks(state_.options.idle_timeout_seconds);
  }
  read_more();
}

void Connection::finish() {
  stage_ = Stage::finishing;
  lingers_ = lingers_ || !input_.empty();
  input_.clear();
  read_started_ = 0;
  other_deadline_ =
      core_->tick() + Core::ticks(lingers_ ? limits::kLingerSeconds : limits::kClosingNoteSeconds);
  transport_->close_send();
}

void Connection::on_send_closed() {
  if (stage_ != Stage::finishing) return;
  if (!lingers_ && !transport_->has_input()) return close();
  stage_ = Stage::lingering;
  other_deadline_ = core_->tick() + Core::ticks(limits::kLingerSeconds);
  if (!read_pending_) linger(0);
}

// Closing with unread bytes would reset the connection and could take the answer with it.
void Connection::linger(size_t bytes) {
  linger_bytes_ += bytes;
  if (linger_bytes_ > 2 * state_.options.max_body_bytes) return close();
  read_pending_ = true;
  transport_->read(input_.room());
}

// A request must be whole within the read timeout and the time that its bytes take at the lowest rate
// admitted.
bool Connection::read_is_late() const noexcept {
  return read_started_ != 0 &&
         core_->tick() >= read_started_ + Core::ticks(state_.options.read_timeout_seconds +
                                                      reader_.bytes_taken() / limits::kBodyRateMin);
}

void Connection::check_deadlines() {
  const uint64_t tick = core_->tick();
  const bool over =
      (write_deadline_ != 0 && tick >= write_deadline_) || (other_deadline_ != 0 && tick >= other_deadline_);
  if (over) return close();
  if (!read_is_late()) return;
  if (reading() == nullptr) return close();  // the rest of a refused body
  guarded([this] {
    refuse_reading({408, "the request did not arrive in time", true});
    pump();
  });
}

}  // namespace ferro::node::http
