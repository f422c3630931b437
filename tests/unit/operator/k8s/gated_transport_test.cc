#include "operator/k8s/gated_transport.h"

#include <gtest/gtest.h>

namespace ferro::oper::k8s {
namespace {

class Recorder final : public Transport {
 public:
  Result<HttpResponse> call(const HttpRequest& request) override {
    calls.push_back(request);
    return HttpResponse{200, "{}", -1};
  }
  Result<HttpResponse> stream(const HttpRequest& request,
                              const std::function<bool(std::string_view line)>&) override {
    calls.push_back(request);
    return HttpResponse{200, "", -1};
  }
  void interrupt_streams() override { ++interrupts; }
  std::vector<HttpRequest> calls;
  int interrupts = 0;
};

class Gate final : public WriteGate {
 public:
  int64_t write_allowance_ms() const override { return allowance_ms; }
  int64_t allowance_ms = 0;
};

TEST(GatedTransport, NoWriteOfAnyMethodPassesAClosedGateAndEveryReadDoes) {
  Recorder inner;
  Gate gate;
  GatedTransport gated(inner, gate);
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "WHATEVER"}) {
    const Result<HttpResponse> answer = gated.call({.method = method, .target = "/"});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.status().code(), StatusCode::failed_precondition);
  }
  EXPECT_TRUE(inner.calls.empty());
  EXPECT_TRUE(gated.call({.method = "GET", .target = "/"}).ok());
  EXPECT_TRUE(gated.stream({.method = "GET", .target = "/"}, [](std::string_view) { return true; }).ok());
  EXPECT_EQ(inner.calls.size(), 2U);
  gated.interrupt_streams();
  EXPECT_EQ(inner.interrupts, 1);
}

TEST(GatedTransport, AWriteMayNotTakeLongerThanTheLeaseLasts) {
  Recorder inner;
  Gate gate;
  GatedTransport gated(inner, gate);
  gate.allowance_ms = 700;
  ASSERT_TRUE(gated.call({.method = "PUT", .target = "/", .timeout_ms = 30'000}).ok());
  ASSERT_TRUE(gated.call({.method = "PUT", .target = "/", .timeout_ms = 500}).ok());
  ASSERT_TRUE(gated.call({.method = "PUT", .target = "/", .timeout_ms = 0}).ok());
  ASSERT_TRUE(gated.call({.method = "GET", .target = "/", .timeout_ms = 30'000}).ok());
  EXPECT_EQ(inner.calls.at(0).timeout_ms, 700);
  EXPECT_EQ(inner.calls.at(1).timeout_ms, 500);
  EXPECT_EQ(inner.calls.at(2).timeout_ms, 700);
  EXPECT_EQ(inner.calls.at(3).timeout_ms, 30'000);
}

}  // namespace
}  // namespace ferro::oper::k8s
