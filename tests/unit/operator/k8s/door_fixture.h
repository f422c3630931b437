// A fake API server behind a real socket and a transport to it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "operator/k8s/cpprest_transport.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/kube_api/http_door.h"

namespace ferro::oper::k8s {

class DoorFixture : public testing::Test {
 protected:
  void open(fakes::kube::DoorOptions options = {}) { door_.emplace(server_, std::move(options)); }
  // The defaults of an Access to the open door.
  Access access() const {
    Access made;
    made.server = *parse_server_url(door_->url());
    made.source = "test";
    return made;
  }
  void connect(const Access& access, TransportOptions options = {}) {
    Result<std::unique_ptr<Transport>> made = make_cpprest_transport(access, clock_, options);
    ASSERT_TRUE(made.ok()) << made.status().to_string();
    transport_ = std::move(made).value();
  }
  void make_map(const std::string& name, const std::string& value = "1") {
    server_.create("t", "configmaps",
                   {{"metadata", {{"name", name}, {"namespace", "default"}}}, {"data", {{"a", value}}}});
  }
  Result<HttpResponse> get(const std::string& name, int64_t timeout_ms = 20'000) {
    return transport_->call({.method = "GET", .target = kMaps + "/" + name, .timeout_ms = timeout_ms});
  }
  HttpRequest watch_request(int64_t silence_ms = 20'000) const {
    return {.method = "GET",
            .target = kMaps + "?watch=1&resourceVersion=" + std::to_string(from_),
            .timeout_ms = silence_ms};
  }
  // Bounded only so that a fault ends as a failure and not as a hang.
  static constexpr std::chrono::minutes kAnswerWithin{2};
  void wait_for_requests(size_t count) {
    const auto end = std::chrono::steady_clock::now() + kAnswerWithin;
    while (server_.log().size() < count) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "only " << server_.log().size() << " requests came";
      std::this_thread::yield();
    }
  }
  void remember_version() { from_ = server_.version(); }

  const std::string kMaps = "/api/v1/namespaces/default/configmaps";
  SystemClock clock_;
  fakes::kube::ApiServer server_{clock_};
  std::optional<fakes::kube::HttpDoor> door_;
  std::unique_ptr<Transport> transport_;
  uint64_t from_ = 0;
};

}  // namespace ferro::oper::k8s
