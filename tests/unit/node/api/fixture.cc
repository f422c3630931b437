#include "fixture.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

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

// Where an answer arrives, from whatever thread.
struct Mailbox {
  void put(http::Response&& response) {
    const std::lock_guard lock(mutex);
    ++answers;
    answer = {response.status, std::move(response.content_type), std::move(response.body),
              std::move(response.headers)};
    arrived.notify_all();
  }
  Answer take() {
    constexpr std::chrono::seconds kAnswerWithin{60};
    std::unique_lock lock(mutex);
    EXPECT_TRUE(arrived.wait_for(lock, kAnswerWithin, [&] { return answers > 0; })) << "no answer";
    EXPECT_EQ(answers, 1);
    return answer;
  }

  std::mutex mutex;
  std::condition_variable arrived;
  int answers = 0;
  Answer answer;
};

}  // namespace

Tester::Tester(const std::string& token_file, ApiOptions options) {
  tokens = tokens_of(token_file);
  api = Api::create(std::move(options), engine, *tokens, metrics, clock);
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
  api->handle(request,
              http::Reply([mailbox](http::Response&& response) { mailbox->put(std::move(response)); }));
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
