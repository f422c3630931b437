// Drives a RequestReader as a connection does, without sockets. Shared by its tests and by the fuzz target.
#pragma once

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "node/http/request_reader.h"

namespace ferro::node::http {

struct Outcome {
  unsigned refused = 0;  // the refusal's status, 0 for a request
  Method method = Method::other;
  std::string path, query, body, authorization, request_id;
  bool keep_alive = false, http_1_1 = false, accepts_gzip = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Outcome& o) {
    return out << (o.refused != 0 ? std::to_string(o.refused)
                                  : std::string(to_string(o.method)) + " " + o.path)
               << " with " << o.body.size() << " bytes";
  }
};

class ReaderHarness {
 public:
  explicit ReaderHarness(ReaderLimits limits = {}, size_t budget = size_t{1} << 30)
      : reader_(limits, ids_), budget_(budget) {}

  // What the bytes mean if they arrive in pieces of at most `piece` bytes. Ids made here are left out, being
  // random.
  std::vector<Outcome> read(std::string_view bytes, size_t piece) {
    for (size_t at = 0; at < bytes.size() && !ended_; at += piece) take(bytes.substr(at, piece));
    return std::move(outcomes_);
  }
  bool ended() const noexcept { return ended_; }
  size_t unread() const noexcept { return input_.size(); }
  Exchange& exchange() noexcept { return *exchange_; }

 private:
  void take(std::string_view piece) {
    input_.append(piece);
    while (!input_.empty() && !ended_) {
      if (reader_.skipping()) {
        input_.erase(0, reader_.skip(input_.size()));
        continue;
      }
      // Large enough rests of a body are read to its own buffer, as a connection does.
      const auto window = reader_.body_window(*exchange_);
      if (window.size() >= kWindowMin) {
        const size_t size = std::min(window.size(), input_.size());
        std::copy_n(input_.data(), size, window.data());
        input_.erase(0, size);
        note(reader_.body_read(size, *exchange_));
        continue;
      }
      const auto step = reader_.feed(input_, *exchange_);
      input_.erase(0, step.consumed);
      note(step.event);
      if (step.event == RequestReader::Event::need_more && step.consumed == 0) return;
    }
  }

  void note(RequestReader::Event event) {
    if (event != RequestReader::Event::complete && event != RequestReader::Event::refused) return;
    Outcome outcome;
    if (event == RequestReader::Event::refused) {
      outcome.refused = reader_.refusal().status;
      ended_ = reader_.refusal().ends_connection;
    } else {
      const Request& request = exchange_->request;
      const std::string_view id = request.request_id;
      outcome = {0,
                 request.method,
                 std::string(request.path),
                 std::string(request.query),
                 std::string(request.body),
                 std::string(request.authorization),
                 id.size() == kMadeIdSize ? std::string() : std::string(id),
                 exchange_->keep_alive,
                 exchange_->http_1_1,
                 request.accepts_gzip};
    }
    outcomes_.push_back(std::move(outcome));
    exchange_->reset();
  }

  static constexpr size_t kWindowMin = 64;
  static constexpr size_t kMadeIdSize = 24;
  RequestIdSource ids_;
  RequestReader reader_;
  BodyBudget budget_;
  std::unique_ptr<Exchange> exchange_ = std::make_unique<Exchange>(budget_);
  std::string input_;
  std::vector<Outcome> outcomes_;
  bool ended_ = false;
};

}  // namespace ferro::node::http
