#include "operator/k8s/error_reader.h"

#include <gtest/gtest.h>

#include "tests/fakes/kube_api/message.h"

namespace ferro::oper::k8s {
namespace {

using fakes::kube::failure;

ApiError error_of(int code, const char* reason, const Json& details = Json(), int64_t retry_after_ms = -1) {
  return error_of_response({code, failure(code, reason, "because", details).body.dump(), retry_after_ms});
}

TEST(ErrorReader, EveryCodeHasItsKind) {
  EXPECT_EQ(error_of(401, "Unauthorized").kind, ErrorKind::unauthorized);
  EXPECT_EQ(error_of(403, "Forbidden").kind, ErrorKind::forbidden);
  EXPECT_EQ(error_of(404, "NotFound").kind, ErrorKind::not_found);
  EXPECT_EQ(error_of(409, "AlreadyExists").kind, ErrorKind::already_exists);
  EXPECT_EQ(error_of(409, "Conflict").kind, ErrorKind::conflict);
  EXPECT_EQ(error_of(410, "Expired").kind, ErrorKind::gone);
  EXPECT_EQ(error_of(422, "Invalid").kind, ErrorKind::invalid);
  EXPECT_EQ(error_of(400, "BadRequest").kind, ErrorKind::invalid);
  EXPECT_EQ(error_of(415, "UnsupportedMediaType").kind, ErrorKind::invalid);
  EXPECT_EQ(error_of(429, "TooManyRequests").kind, ErrorKind::too_many);
  EXPECT_EQ(error_of(500, "InternalError").kind, ErrorKind::server);
  EXPECT_EQ(error_of(504, "Timeout").kind, ErrorKind::server);
  EXPECT_EQ(error_of(302, "Found").kind, ErrorKind::malformed);
}

TEST(ErrorReader, ATerminatingNamespaceIsFinal) {
  const Json causes = {{"causes", {{{"reason", "NamespaceTerminating"}, {"message", "going"}}}}};
  EXPECT_TRUE(error_of(403, "Forbidden", causes).terminating);
  EXPECT_FALSE(error_of(403, "Forbidden").terminating);
  EXPECT_TRUE(error_of(404, "NotFound", {{"kind", "namespaces"}, {"name", "x"}}).terminating);
  EXPECT_FALSE(error_of(404, "NotFound", {{"kind", "pods"}, {"name", "x"}}).terminating);
}

TEST(ErrorReader, TheLongerOfHeaderAndBodyIsWaitedFor) {
  EXPECT_EQ(error_of(429, "TooManyRequests", {{"retryAfterSeconds", 3}}, 1000).retry_after_ms, 3000);
  EXPECT_EQ(error_of(429, "TooManyRequests", {{"retryAfterSeconds", 1}}, 5000).retry_after_ms, 5000);
  EXPECT_EQ(error_of(429, "TooManyRequests").retry_after_ms, -1);
  EXPECT_EQ(error_of(503, "X", {{"retryAfterSeconds", int64_t{1} << 62}}).retry_after_ms, 3'600'000);
  EXPECT_EQ(error_of(503, "X", {{"retryAfterSeconds", "soon"}}).retry_after_ms, -1);
}

TEST(ErrorReader, AMessageNeverQuotesASecret) {
  const Json details = {{"causes", {{{"field", "data[tokens]"}, {"message", "bad value: hunter2"}}}}};
  const std::string body = failure(422, "Invalid", "Secret is invalid: data: hunter2", details).body.dump();
  const ApiError error = error_of_response({422, body, -1}, true);
  EXPECT_EQ(error.message.find("hunter2"), std::string::npos);
  EXPECT_NE(error.message.find("data[tokens]"), std::string::npos);
  EXPECT_NE(error.message.find("Invalid"), std::string::npos);
  EXPECT_EQ(error_of_response({500, "proxy says hunter2", -1}, true).message.find("hunter2"),
            std::string::npos);
}

TEST(ErrorReader, ABodyOfAnybodysMakingIsCleanedAndCut) {
  const ApiError proxy = error_of_response({502, "<html>\x1b[31m bad \xff gateway\n</html>", -1});
  EXPECT_EQ(proxy.kind, ErrorKind::server);
  EXPECT_EQ(proxy.message, "<html> [31m bad   gateway </html>");
  EXPECT_LE(error_of_response({500, std::string(1'000'000, 'x'), -1}).message.size(), 2048U);
  EXPECT_EQ(error_of_response({500, "", -1}).message, "an empty answer");
  EXPECT_EQ(error_of_response({500, R"({"kind":"Status","message":7,"details":[1]})", -1}).kind,
            ErrorKind::server);
}

TEST(ErrorReader, WhatNeverGotAnAnswer) {
  EXPECT_EQ(error_of_transport(Status::unreachable("x")).kind, ErrorKind::unreachable);
  EXPECT_EQ(error_of_transport(Status::unavailable("x")).kind, ErrorKind::unreachable);
  EXPECT_EQ(error_of_transport({StatusCode::failed_precondition, "x"}).kind, ErrorKind::not_leader);
  EXPECT_EQ(error_of_transport({StatusCode::too_large, "x"}).kind, ErrorKind::malformed);
}

TEST(ErrorReader, AStatusForTheLayersAbove) {
  EXPECT_EQ(error_of(404, "NotFound").to_status().code(), StatusCode::not_found);
  EXPECT_EQ(error_of(404, "NotFound").to_status().message(), "because (HTTP 404)");
  EXPECT_EQ(error_of(429, "TooManyRequests").to_status().code(), StatusCode::unavailable);
}

}  // namespace
}  // namespace ferro::oper::k8s
