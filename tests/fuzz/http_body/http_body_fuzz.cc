// Whole requests into the API over an engine in a map: the first byte chooses the route, the rest is the body
// (and for GET and DELETE the path's last segment or the query string). Whatever comes, exactly one answer
// goes out, it is a 2xx or a 4xx, and it is JSON.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/time/clock.h"
#include "node/api/api.h"
#include "tests/unit/node/api/fake_engine.h"

namespace {

using namespace ferro;
using namespace ferro::node;

class NoMetrics final : public metrics::Metrics {
 public:
  void observe_query_ns(uint64_t) override {}
  void observe_insert_ns(uint64_t) override {}
  void observe_hit(const store::Hit&) override {}
  std::string scrape() const override { return {}; }
};

struct Target {
  http::Method method;
  const char* path;
  bool body;  // else the input is appended to the path
};

constexpr Target kTargets[] = {
    {http::Method::post, "/insert", true},           {http::Method::post, "/query", true},
    {http::Method::post, "/insert/batch", true},     {http::Method::post, "/query/batch", true},
    {http::Method::post, "/admin/invalidate", true}, {http::Method::get, "/entry/", false},
    {http::Method::delete_, "/entry/", false},       {http::Method::delete_, "/namespaces/", false},
    {http::Method::get, "/namespaces?", false},      {http::Method::get, "/entry/x?", false},
    {http::Method::delete_, "/namespaces?", false},  {http::Method::get, "/", false},
};

struct World {
  ManualClock clock;
  NoMetrics metrics;
  api::FakeEngine engine{clock};
  std::unique_ptr<cache::Cache> cache = cache::make_local_cache(engine);
  std::unique_ptr<security::TokenSource> tokens = security::TokenSource::open(Secret(), {}).value();
  std::unique_ptr<api::Api> api = make_api();

  std::unique_ptr<api::Api> make_api() {
    api::ApiOptions options;
    options.max_response_bytes = 4096;
    options.max_batch_items = 8;
    return api::Api::create(options, {engine, *cache, *tokens, metrics, clock});
  }
};

void check(const Target& target, const http::Response& response) {
  FERRO_ASSERT(
      (response.status >= 200 && response.status < 300) || (response.status >= 400 && response.status < 500),
      "bad input is the client's fault");
  FERRO_ASSERT(target.body || response.status != 413, "nothing large was sent");
  const nlohmann::json answer = nlohmann::json::parse(response.body, nullptr, false);
  FERRO_ASSERT(!answer.is_discarded() && answer.is_object(), "answers are JSON");
  FERRO_ASSERT(response.status < 400 || answer["error"].is_string(), "errors say what is wrong");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World world;
  constexpr size_t kEntriesMax = 64;  // small enough to be fast, large enough to hit
  if (size == 0) return 0;
  const Target& target = kTargets[data[0] % std::size(kTargets)];
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string place = target.path;
  if (!target.body) place += input;
  // An allocation of its own and nothing readable behind the padding: reading further is found.
  std::string body(target.body ? input : std::string_view());
  const size_t body_size = body.size();
  body.append(http::kBodyPadding, '\xFF');
  body.shrink_to_fit();

  http::Request request;
  request.method = target.method;
  const std::string_view whole = place;
  request.path = whole.substr(0, whole.find('?'));
  if (whole.size() > request.path.size()) request.query = whole.substr(request.path.size() + 1);
  request.body = std::string_view(body).substr(0, body_size);
  int answers = 0;
  world.api->handle(request, http::Reply([&](http::Response&& response) {
                      ++answers;
                      if (request.path != "/metrics") check(target, response);
                    }));
  FERRO_ASSERT(answers == 1, "one answer");
  if (world.engine.entries.size() > kEntriesMax) world.engine.entries.clear();
  return 0;
}
