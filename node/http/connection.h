// One client connection: reads requests, hands them to the service in order, writes the answers in order.
//
// Requests that a client sends without waiting (pipelining) run side by side only if all are safe methods;
// any other waits for those before it, so "insert, then query" means what it says. Reading pauses while
// kPipelinedRequestsMax answers are owed or kPipelinedBodyBytesMax of bodies wait.
//
// Kept alive by its core while open, by pending operations and by every Reply not yet given. Lives on its
// core's thread; only what ReplySink declares is called from others.
#pragma once

#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/limits.h"
#include "node/http/core.h"
#include "node/http/input_buffer.h"
#include "node/http/request_reader.h"
#include "node/http/response_batch.h"
#include "node/http/transport.h"

namespace ferro::node::http {

class Connection final : public TransportEvents, public ReplySink {
 public:
  // `tls`: the context to use, null for plain TCP.
  Connection(std::shared_ptr<Core> core, TcpSocket socket, std::shared_ptr<boost::asio::ssl::context> tls);
  ~Connection() override;

  void start();
  // The core's tick: acts on deadlines that have passed.
  void check_deadlines();
  // The server stops: closes at once if nothing is owed, else after the last answer.
  void begin_drain();
  void close();

  void answer(size_t slot, Response&& response) noexcept override;
  bool is_here() const noexcept override { return core_->is_current(); }
  void run_there(std::function<void()> work) override;
  // The answer, or the work, has reached this core.
  void take_answer(size_t slot, Response&& response);
  void take_work(const std::function<void()>& work);

  // Its place in the core's list.
  size_t place = 0;

 private:
  enum class Stage : uint8_t {
    greeting,  // TLS handshake
    open,
    finishing,  // the last answer is written, the sending side is being closed
    lingering,  // throws away what a refused peer still sends, so that it gets to see the answer
    closed,
  };

  void on_ready(bool ok, bool mutual_tls) override;
  void on_read(size_t bytes, ReadEnd end) override;
  void on_write_progress() override;
  void on_written(bool ok) override;
  void on_send_closed() override;

  void take_read(size_t bytes, ReadEnd end);
  // Moves everything on as far as it goes: parse, run, write, read more.
  void pump();
  void parse();
  bool may_begin_request() const noexcept;
  void take_step(RequestReader::Event event);
  void refuse_reading(const Refusal& refusal);
  void drop_reading();
  void start_runnable();
  bool may_run(const Exchange& exchange) const noexcept;
  void run(size_t slot);
  // False if nothing was written; the write may be pending.
  bool flush();
  void set_answer(Exchange& exchange, Response&& response);
  void append_answer(Exchange& exchange, bool last);
  bool is_last_answer() const noexcept;
  void compress(Exchange& exchange);
  void read_more();
  void settle();
  // Does it; closes the connection if that throws (out of memory): no exception reaches the event loop.
  template <typename Action>
  void guarded(Action&& action) noexcept {
    try {
      action();
    } catch (const std::exception& failure) {
      close_after(failure.what());
    }
  }
  void close_after(const char* failure) noexcept;
  void finish();
  void linger(size_t bytes);
  bool read_is_late() const noexcept;

  Exchange& at(size_t index) noexcept { return *ring_[(first_ + index) % ring_.size()]; }
  Exchange* reading() noexcept;
  void release_first();

  const std::shared_ptr<Core> core_;
  ServerState& state_;
  const std::unique_ptr<Transport> transport_;
  Stage stage_ = Stage::greeting;
  bool mutual_tls_ = false, pumping_ = false;

  InputBuffer input_;
  RequestReader reader_;
  bool read_pending_ = false;
  Exchange* body_target_ = nullptr;   // the pending read goes straight to this one's body
  bool no_more_input_ = false;        // ended or refused: no further request is read
  std::unique_ptr<Exchange> pinned_;  // its body is being read to though its answer is out

  // Answers owed, oldest first; the last may still be being read.
  std::array<std::unique_ptr<Exchange>, limits::kPipelinedRequestsMax> ring_;
  size_t first_ = 0, owed_ = 0, running_ = 0, running_unsafe_ = 0, waiting_body_bytes_ = 0;

  ResponseBatch batch_;
  bool write_pending_ = false, lingers_ = false;
  size_t waiting_answer_bytes_ = 0;  // answered, not yet written
  uint64_t linger_bytes_ = 0;

  // In the core's ticks, 0 = none.
  uint64_t read_started_ = 0;    // first byte of the request being read
  uint64_t write_deadline_ = 0;  // of the pending write's next progress
  uint64_t write_end_ = 0;       // of the pending write
  uint64_t other_deadline_ = 0;  // of the greeting, of idleness, of the end
};

}  // namespace ferro::node::http
