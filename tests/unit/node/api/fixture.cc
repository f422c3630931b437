#include "fixture.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

namespace ferro::node::api {

std::string Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::unique_ptr<security::TokenSource> tokens_of(const std::string& file_text) {
  std::string path;
  if (!file_text.empty()) {
    path = testing::TempDir() + "api_tokens_" + std::to_string(::getpid());
    std::ofstream(path) << file_text;
  }
  auto source = security::TokenSource::open(Secret(), path);
  EXPECT_TRUE(source.ok()) << source.status().to_string();
  if (!path.empty()) std::filesystem::remove(path);
  return std::move(source).value();
}

namespace {

// A connection with one request: its core is the thread that made it, which runs what is handed over until
// the answer comes.
class Mailbox final : public http::ReplySink {
 public:
  void answer(size_t /*slot*/, http::Response&& response) noexcept override {
    const std::lock_guard lock(mutex_);
    ++answers_;
    answer_ = {response.status, std::move(response.content_type), std::move(response.body),
               std::move(response.headers)};
    changed_.notify_all();
  }
  bool is_here() const noexcept override { return std::this_thread::get_id() == core_; }
  void run_there(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    changed_.notify_all();
  }

  Answer take() {
    constexpr std::chrono::seconds kAnswerWithin{60};
    std::unique_lock lock(mutex_);
    while (answers_ == 0) {
      const bool came =
          changed_.wait_for(lock, kAnswerWithin, [&] { return answers_ > 0 || !work_.empty(); });
      EXPECT_TRUE(came) << "no answer";
      if (!came) break;
      if (work_.empty()) continue;
      const std::function<void()> work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
    EXPECT_EQ(answers_, 1);
    return answer_;
  }

 private:
  const std::thread::id core_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  int answers_ = 0;
  Answer answer_;
};

}  // namespace

Tester::Tester(const std::string& token_file, ApiOptions options) {
  tokens = tokens_of(token_file);
  api = Api::create(std::move(options), {engine, *cache, *tokens, metrics, clock});
}

Answer Harness::call(http::Method method, std::string_view target, std::string_view body,
                     std::string_view token) {
  const std::string authorization = token.empty() ? std::string() : "Bearer " + std::string(token);
  http::Request request;
  request.method = method;
  const size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  // What stands behind a body is nobody's.
  const std::string padded = std::string(body) + std::string(http::kBodyPadding, '}');
  request.body = std::string_view(padded).substr(0, body.size());
  request.authorization = authorization;
  const auto mailbox = std::make_shared<Mailbox>();
  api->handle(request, http::Reply(mailbox, 0));
  return mailbox->take();
}

Answer Harness::call_as_peer(http::Method method, std::string_view target, bool certified) {
  http::Request request;
  request.method = method;
  request.path = target;
  request.over_mutual_tls = certified;
  const auto mailbox = std::make_shared<Mailbox>();
  api->for_peers().handle(request, http::Reply(mailbox, 0));
  return mailbox->take();
}

json insert_body(const json& fields) {
  json body = {{"embedding", {3.0, 0.0, 4.0}},
               {"response", "an answer"},
               {"query_text", "a question"},
               {"model_id", "m"}};
  body.update(fields);
  return body;
}

json query_body(const json& fields) {
  json body = {{"embedding", {3.0, 0.0, 4.0}}, {"model_id", "m"}};
  body.update(fields);
  return body;
}

}  // namespace ferro::node::api
