// What the node answers before it has recovered its data.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "node/app/startup_service.h"

namespace ferro::node::app {
namespace {

http::Response ask(StartupService& service, std::string_view path) {
  http::Request request;
  request.path = path;
  http::Response answer;
  service.handle(request, http::Reply([&](http::Response&& response) { answer = std::move(response); }));
  return answer;
}

TEST(StartupService, IsAliveAndSaysWhyItIsNotReadyAsTheApiDoes) {
  StartupService service;
  EXPECT_EQ(ask(service, "/livez").status, 200U);

  const http::Response ready = ask(service, "/readyz");
  EXPECT_EQ(ready.status, 503U);
  const auto body = nlohmann::json::parse(ready.body);
  EXPECT_EQ(body.at("status"), "not_ready");
  EXPECT_EQ(body.at("reason"), body.at("error"));

  const http::Response other = ask(service, "/query");
  EXPECT_EQ(other.status, 503U);
  EXPECT_EQ(nlohmann::json::parse(other.body), nlohmann::json({{"error", body.at("reason")}}));
  for (const http::Response& refused : {ready, other}) {
    ASSERT_EQ(refused.headers.size(), 1U);
    EXPECT_EQ(refused.headers[0].first, "Retry-After");
  }
}

}  // namespace
}  // namespace ferro::node::app
