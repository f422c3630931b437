// The transport when the network or the server does not do its part.
#include <gmock/gmock.h>

#include <future>

#include "tests/unit/operator/k8s/door_fixture.h"

namespace ferro::oper::k8s {
namespace {

using fakes::kube::Fault;
using fakes::kube::RequestFacts;
using testing::HasSubstr;

class CpprestFailures : public DoorFixture {
 protected:
  void SetUp() override {
    open();
    connect(access());
    make_map("a");
    remember_version();
  }
  void fault(Fault fault) {
    server_.set_faults([fault](const RequestFacts&) { return fault; });
  }
};

TEST_F(CpprestFailures, NobodyListens) {
  const Access to = access();
  door_.reset();
  connect(to);
  const Result<HttpResponse> answer = get("a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::unreachable);
  EXPECT_THAT(answer.status().message(), HasSubstr(to_text(to.server)));
  EXPECT_EQ(transport_->stream(watch_request(), [](std::string_view) { return true; }).status().code(),
            StatusCode::unreachable);
}

TEST_F(CpprestFailures, NoAnswerEndsAtTheTimeOut) {
  fault({.kind = Fault::Kind::silence});
  const Result<HttpResponse> answer = get("a", 50);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::unavailable);
  fault({});
  EXPECT_TRUE(get("a").ok()) << "the next request is none the worse for it";
}

TEST_F(CpprestFailures, AServerThatDripsDoesNotKeepACallBeyondItsTimeOut) {
  fault({.kind = Fault::Kind::drip, .delay_ms = 20});
  const Result<HttpResponse> answer = get("a", 200);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::unavailable);
}

TEST_F(CpprestFailures, ABodyCutShortIsNoAnswer) {
  fault({.kind = Fault::Kind::cut});
  const Result<HttpResponse> answer = get("a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::unreachable);
}

TEST_F(CpprestFailures, AConnectionThatBreaksWithoutAnAnswer) {
  fault({.kind = Fault::Kind::drop_answer});
  EXPECT_EQ(get("a").status().code(), StatusCode::unreachable);
}

TEST_F(CpprestFailures, AKeptConnectionThatTheServerClosedIsReplacedUnseen) {
  ASSERT_TRUE(get("a").ok());
  door_->close_idle_connections();
  const Result<HttpResponse> answer = get("a");
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
}

TEST_F(CpprestFailures, ACreationIsNeverSentTwice) {
  ASSERT_TRUE(get("a").ok());  // a kept connection, which the library would repeat on
  fault({.kind = Fault::Kind::drop_answer});
  server_.clear_log();
  const Result<HttpResponse> answer = transport_->call({.method = "POST",
                                                        .target = "/api/v1/namespaces/default/configmaps",
                                                        .content_type = "application/json",
                                                        .body = R"({"metadata":{"name":"b"}})",
                                                        .timeout_ms = 20'000});
  EXPECT_EQ(answer.status().code(), StatusCode::unreachable);
  EXPECT_EQ(server_.log().size(), 1U);
  EXPECT_TRUE(server_.get("configmaps", "default", "b").has_value());
}

TEST_F(CpprestFailures, AnAnswerBeyondTheBoundIsRefused) {
  make_map("big", std::string(200'000, 'x'));
  connect(access(), {.body_bytes_max = 100'000});
  const Result<HttpResponse> answer = get("big");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::too_large);
  EXPECT_TRUE(get("a").ok());
}

TEST_F(CpprestFailures, ASilentStreamEnds) {
  int events = 0;
  make_map("b");
  fault({.kind = Fault::Kind::silence, .after_events = 1});
  // On a busy machine the first event may be too late as well: then there is more time.
  for (int64_t silence_ms = 100; events == 0; silence_ms *= 4) {
    ASSERT_LT(silence_ms, 30'000) << "no event came";
    const Result<HttpResponse> end = transport_->stream(watch_request(silence_ms), [&](std::string_view) {
      ++events;
      return true;
    });
    ASSERT_FALSE(end.ok());
    if (events > 0) {
      EXPECT_EQ(end.status().code(), StatusCode::unavailable);
    }
  }
  EXPECT_EQ(events, 1);
}

TEST_F(CpprestFailures, AStreamCutInTheMiddleOfALineHandsOverWholeLinesOnly) {
  make_map("b");
  make_map("c");
  fault({.kind = Fault::Kind::cut, .after_events = 1});
  std::vector<std::string> lines;
  const Result<HttpResponse> end = transport_->stream(watch_request(), [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.status().code(), StatusCode::unreachable);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(nlohmann::json::parse(lines[0]).at("object").at("metadata").at("name"), "b");
}

TEST_F(CpprestFailures, ADrippingStreamIsAliveForAsLongAsItDrips) {
  make_map("b");
  fault({.kind = Fault::Kind::drip, .delay_ms = 1});
  int events = 0;
  const Result<HttpResponse> end = transport_->stream(watch_request(5'000), [&](std::string_view) {
    ++events;
    return false;
  });
  ASSERT_TRUE(end.ok()) << end.status().to_string();
  EXPECT_EQ(events, 1);
}

TEST_F(CpprestFailures, ARefusedStreamIsAnAnswer) {
  fault({.kind = Fault::Kind::answer, .status = 429, .retry_after_s = 7});
  const Result<HttpResponse> answer = transport_->stream(watch_request(), [](std::string_view) {
    ADD_FAILURE() << "a refusal has no lines";
    return true;
  });
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->retry_after_ms, 7000);
  EXPECT_THAT(answer->body, HasSubstr("injected"));
}

TEST_F(CpprestFailures, ALineBeyondTheBoundIsCutAndTheStreamGoesOn) {
  make_map("big", std::string(100'000, 'x'));
  make_map("c");
  HttpRequest request = watch_request();
  request.line_bytes_max = 10'000;
  std::vector<size_t> sizes;
  const Result<HttpResponse> end = transport_->stream(request, [&](std::string_view line) {
    sizes.push_back(line.size());
    return sizes.size() < 2;
  });
  ASSERT_TRUE(end.ok());
  ASSERT_EQ(sizes.size(), 2U);
  EXPECT_EQ(sizes[0], 10'000U);
  EXPECT_LT(sizes[1], 10'000U);
}

TEST_F(CpprestFailures, InterruptEndsEveryStreamAndRefusesNewOnes) {
  std::promise<void> first_line;
  make_map("b");
  std::future<Result<HttpResponse>> streaming = std::async(std::launch::async, [&] {
    return transport_->stream(watch_request(600'000), [&](std::string_view) {
      first_line.set_value();
      return true;
    });
  });
  ASSERT_EQ(first_line.get_future().wait_for(kAnswerWithin), std::future_status::ready);
  fault({.kind = Fault::Kind::silence});
  std::future<Result<HttpResponse>> unanswered = std::async(std::launch::async, [&] {
    return transport_->stream(watch_request(600'000), [](std::string_view) { return true; });
  });
  wait_for_requests(2);
  transport_->interrupt_streams();
  EXPECT_EQ(streaming.get().status().code(), StatusCode::failed_precondition);
  EXPECT_EQ(unanswered.get().status().code(), StatusCode::failed_precondition);
  EXPECT_EQ(transport_->stream(watch_request(), [](std::string_view) { return true; }).status().code(),
            StatusCode::failed_precondition);
  fault({});
  EXPECT_TRUE(get("a").ok()) << "calls, such as giving the lease back, still work";
}

TEST_F(CpprestFailures, AServerThatComesBackOnTheSamePortIsFound) {
  const Access to = access();
  const uint16_t port = door_->port();
  ASSERT_TRUE(get("a").ok());
  door_.reset();
  EXPECT_FALSE(get("a").ok());
  open({.port = port});
  const Result<HttpResponse> answer = get("a");
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
  EXPECT_EQ(answer->status, 200);
}

}  // namespace
}  // namespace ferro::oper::k8s
