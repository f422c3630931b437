// The API over an engine, called without sockets. Every call checks that exactly one answer came.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"
#include "fake_engine.h"
#include "node/api/api.h"

namespace ferro::node::api {

using nlohmann::json;

struct Answer {
  unsigned status = 0;
  std::string content_type, body;
  std::vector<std::pair<std::string, std::string>> headers;

  json parsed() const { return json::parse(body); }
  std::string error() const { return parsed().at("error").get<std::string>(); }
  std::string header(std::string_view name) const;  // empty if absent
};

class FakeMetrics final : public metrics::Metrics {
 public:
  void observe_query_ns(uint64_t) override { ++queries; }
  void observe_insert_ns(uint64_t) override { ++inserts; }
  void observe_hit(const store::Hit&) override { ++hits; }
  std::string scrape() const override { return "# HELP fake\n"; }
  std::atomic<int> queries{0}, inserts{0}, hits{0};
};

// A token file's text as the source of tokens; empty = authentication off.
std::unique_ptr<security::TokenSource> tokens_of(const std::string& file_text);

// The API over some engine, and how to call it.
class Harness {
 public:
  // `target` is path and query as sent. `token` empty = no Authorization header. Waits for the answer.
  Answer call(http::Method method, std::string_view target, std::string_view body = {},
              std::string_view token = {});
  // Through the nodes' own port, with or without a certificate of the cluster.
  Answer call_as_peer(http::Method method, std::string_view target, bool certified = true);
  Answer get(std::string_view target, std::string_view token = {}) {
    return call(http::Method::get, target, {}, token);
  }
  Answer remove(std::string_view target, std::string_view token = {}) {
    return call(http::Method::delete_, target, {}, token);
  }
  Answer post(std::string_view target, const json& body, std::string_view token = {}) {
    return call(http::Method::post, target, body.dump(), token);
  }
  Answer post_text(std::string_view target, std::string_view body, std::string_view token = {}) {
    return call(http::Method::post, target, body, token);
  }

  ManualClock clock;
  FakeMetrics metrics;
  std::unique_ptr<security::TokenSource> tokens;
  std::unique_ptr<Api> api;
};

// Over the engine in a map.
class Tester : public Harness {
 public:
  explicit Tester(const std::string& token_file = {}, ApiOptions options = {});
  FakeEngine engine{clock};
  std::unique_ptr<cache::Cache> cache = cache::make_local_cache(engine);
};

// A legal insert body with the given fields over it.
json insert_body(const json& fields = json::object());
// A legal query body that finds it.
json query_body(const json& fields = json::object());

}  // namespace ferro::node::api
