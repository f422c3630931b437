// The table of routes: against openapi.json, for methods, paths and tokens.
#include <set>

#include "common/base/limits.h"
#include "fixture.h"
#include "node/api/fields.h"
#include "node/api/openapi.h"
#include "node/api/router.h"

namespace ferro::node::api {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(c));
  return out;
}

const json& document() {
  static const json parsed = json::parse(openapi_document());
  return parsed;
}

const json& resolved(const json& schema) {
  if (!schema.contains("$ref")) return schema;
  return document().at(json::json_pointer(schema.at("$ref").get<std::string>().substr(1)));
}

const json& body_schema(const std::string& path) {
  return resolved(document()
                      .at("paths")
                      .at(path)
                      .at("post")
                      .at("requestBody")
                      .at("content")
                      .at("application/json")
                      .at("schema"));
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

std::set<std::string> properties(const json& schema) {
  return keys(resolved(schema).at("properties"));
}

const json& answer_schema(const std::string& path, const std::string& method) {
  return resolved(document()
                      .at("paths")
                      .at(path)
                      .at(method)
                      .at("responses")
                      .at("200")
                      .at("content")
                      .at("application/json")
                      .at("schema"));
}

// Every field of `answer` is described.
void expect_described(const json& answer, const json& schema) {
  const std::set<std::string> known = properties(schema);
  for (const std::string& name : keys(answer))
    EXPECT_TRUE(known.contains(name)) << name << " is not in openapi.json";
  for (const json& name : resolved(schema).value("required", json::array())) {
    EXPECT_TRUE(answer.contains(name.get<std::string>())) << name << " is required in openapi.json";
  }
}

TEST(OpenApi, NamesExactlyTheRoutesOfTheTable) {
  std::set<std::pair<std::string, std::string>> documented, routed;
  for (const auto& [path, methods] : document().at("paths").items()) {
    for (const std::string& method : keys(methods)) documented.emplace(method, path);
  }
  for (const Route& route : routes()) routed.emplace(lower(http::to_string(route.method)), route.pattern);
  EXPECT_EQ(documented, routed);
  EXPECT_EQ(document().at("openapi").get<std::string>().substr(0, 4), "3.1.");
}

bool asks_for_a_token(const Route& route) {
  return route.access == Access::token || route.access == Access::internal;
}

TEST(OpenApi, SaysWhoMayUseARoute) {
  for (const Route& route : routes()) {
    const json& operation =
        document().at("paths").at(std::string(route.pattern)).at(lower(http::to_string(route.method)));
    const std::string role = operation.at("x-role").get<std::string>();
    constexpr const char* kNames[] = {"", "read", "write", "admin"};
    EXPECT_EQ(role, asks_for_a_token(route) ? kNames[static_cast<int>(route.role)] : "open") << route.pattern;
    EXPECT_EQ(operation.contains("security"), !asks_for_a_token(route)) << route.pattern;
  }
}

TEST(OpenApi, NamesExactlyTheFieldsThatAreRead) {
  constexpr std::pair<const char*, FieldSet> kBodies[] = {
      {"/insert", kInsertFields}, {"/query", kQueryFields}, {"/admin/invalidate", kInvalidateFields}};
  for (const auto& [path, known] : kBodies) {
    std::set<std::string> read;
    for (const Field field :
         {Field::embedding, Field::embedding_b64, Field::response, Field::query_text, Field::model_id,
          Field::cache_scope, Field::conversation_id, Field::id, Field::uuid, Field::ttl_seconds,
          Field::top_k, Field::threshold, Field::cost, Field::dry_run, Field::tags, Field::attributes}) {
      if (known.has(field)) read.emplace(name_of(field));
    }
    EXPECT_EQ(keys(body_schema(path).at("properties")), read) << path;
  }
}

TEST(OpenApi, DescribesEveryFieldOfTheAnswers) {
  Tester tester;
  const json all = {{"id", "x"}, {"cache_scope", "s"}, {"conversation_id", "c"},    {"ttl_seconds", 60},
                    {"cost", 1}, {"tags", {"t"}},      {"attributes", {{"k", "v"}}}};
  expect_described(tester.post("/insert", insert_body(all)).parsed(), answer_schema("/insert", "post"));
  const json hit =
      tester.post("/query", query_body({{"cache_scope", "s"}, {"conversation_id", "c"}, {"top_k", 2}}))
          .parsed();
  ASSERT_EQ(hit.at("hit"), true);
  expect_described(hit, answer_schema("/query", "post"));
  expect_described(hit.at("matches").at(0), document().at("components").at("schemas").at("Match"));
  expect_described(tester.get("/entry/x?vector=true").parsed(), answer_schema("/entry/{id}", "get"));
  expect_described(tester.get("/internal/entry/x").parsed(), answer_schema("/internal/entry/{id}", "get"));
  expect_described(tester.get("/namespaces").parsed(), answer_schema("/namespaces", "get"));
  expect_described(tester.get("/namespaces").parsed().at("namespaces").at(0),
                   document().at("components").at("schemas").at("Namespace"));
  const json stats = tester.get("/stats").parsed();
  expect_described(stats, answer_schema("/stats", "get"));
  for (const char* part : {"hnsw", "counters", "memory", "wal"}) {
    expect_described(stats.at(part), answer_schema("/stats", "get").at("properties").at(part));
  }
  const json status = tester.get("/cluster/status").parsed();
  expect_described(status, answer_schema("/cluster/status", "get"));
  for (const char* part : {"wal", "snapshot", "memory", "auth"}) {
    expect_described(status.at(part), answer_schema("/cluster/status", "get").at("properties").at(part));
  }
  for (const char* path : {"/health", "/livez", "/readyz", "/admin/entry-stats"}) {
    expect_described(tester.get(path).parsed(), answer_schema(path, "get"));
  }
  expect_described(tester.post("/admin/compact", {}).parsed(), answer_schema("/admin/compact", "post"));
  expect_described(tester.post("/admin/invalidate", {{"cache_scope", "s"}, {"dry_run", true}}).parsed(),
                   answer_schema("/admin/invalidate", "post"));
  expect_described(tester.remove("/entry/x").parsed(), answer_schema("/entry/{id}", "delete"));
}

TEST(OpenApi, IsServedAsItIs) {
  Tester tester;
  const Answer answer = tester.get("/openapi.json");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, openapi_document());
}

TEST(Routes, UnknownPathsAre404) {
  Tester tester;
  for (const char* path :
       {"/", "", "/nothing", "/entry", "/entry/", "/entry/a/b", "/insert/", "/insert/x", "/Query", "//query",
        "/admin", "/internal/entry", "/queryx", "/namespaces/", "/%71uery"}) {
    for (const auto method :
         {http::Method::get, http::Method::post, http::Method::delete_, http::Method::options}) {
      const Answer answer = tester.call(method, path);
      EXPECT_EQ(answer.status, 404U) << path;
      EXPECT_FALSE(answer.error().empty());
    }
  }
}

TEST(Routes, OtherMethodsAre405WithAllow) {
  Tester tester;
  const auto allow = [&](http::Method method, const char* path) {
    const Answer answer = tester.call(method, path);
    EXPECT_EQ(answer.status, 405U) << path;
    EXPECT_FALSE(answer.error().empty());
    return answer.header("Allow");
  };
  EXPECT_EQ(allow(http::Method::get, "/query"), "POST, OPTIONS");
  EXPECT_EQ(allow(http::Method::head, "/insert"), "POST, OPTIONS");
  EXPECT_EQ(allow(http::Method::post, "/stats"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(allow(http::Method::put, "/entry/x"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(allow(http::Method::patch, "/namespaces"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(allow(http::Method::other, "/namespaces/x"), "DELETE, OPTIONS");
}

TEST(Routes, OptionsAndHead) {
  Tester tester;
  const Answer options = tester.call(http::Method::options, "/entry/x");
  EXPECT_EQ(options.status, 204U);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_TRUE(options.body.empty());
  const Answer server = tester.call(http::Method::options, "*");
  EXPECT_EQ(server.status, 204U);
  EXPECT_EQ(server.header("Allow"), "GET, HEAD, POST, DELETE, OPTIONS");
  EXPECT_EQ(tester.call(http::Method::head, "/health").status, 200U);
  EXPECT_EQ(tester.call(http::Method::head, "/entry/x").status, 404U);
}

TEST(Routes, BrokenEscapesAre400) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body({{"id", "x"}})).status, 200U);
  for (const char* target : {"/entry/%", "/entry/%4", "/entry/%zz", "/entry/%ff", "/entry/x?model_id=%ff",
                             "/entry/x?%=1", "/namespaces/%c3", "/namespaces?prefix=%"}) {
    EXPECT_EQ(tester.remove(target).status, 400U) << target;
  }
  EXPECT_EQ(tester.engine.entries.size(), 1U);
}

TEST(Routes, RefusalsOfTheHttpLayerHaveTheApisShape) {
  Tester tester;
  const http::Response busy = tester.api->refuse(503, "too many requests at once: try again");
  EXPECT_EQ(busy.status, 503U);
  EXPECT_EQ(json::parse(busy.body), json({{"error", "too many requests at once: try again"}}));
  EXPECT_EQ(busy.headers.at(0), (std::pair<std::string, std::string>("Retry-After", "1")));
  EXPECT_TRUE(tester.api->refuse(413, "x").headers.empty());
}

constexpr const char* kTokens =
    "a-reader role=read\na-writer role=write\nan-admin role=admin generation=7\n"
    "tenant-reader role=read scope=tenant\ntenant-writer role=write scope=tenant\ntenant-admin role=admin "
    "scope=tenant\n";

TEST(Authentication, IsOffWithoutTokens) {
  Tester tester;
  EXPECT_EQ(tester.get("/stats").status, 200U);
  EXPECT_EQ(tester.get("/stats", "whatever").status, 200U);
}

TEST(Authentication, IsAskedForEverywhereButOnTheOpenRoutes) {
  Tester tester(kTokens);
  for (const char* open : {"/health", "/livez", "/readyz", "/metrics"}) {
    EXPECT_EQ(tester.get(open).status, 200U) << open;
    EXPECT_EQ(tester.get(open, "wrong").status, 200U) << open;
    EXPECT_EQ(tester.call(http::Method::post, open).status, 405U) << open;
  }
  for (const char* closed :
       {"/stats", "/nothing", "/", "/entry/x", "/query", "/openapi.json", "/internal/entry/x"}) {
    for (const char* token : {"", "wrong", "a-reade", "a-readerr", "A-READER"}) {
      const Answer answer = tester.get(closed, token);
      EXPECT_EQ(answer.status, 401U) << closed;
      EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer");
      EXPECT_FALSE(answer.error().empty());
    }
  }
  EXPECT_EQ(tester.call(http::Method::options, "/stats").status, 401U);
  EXPECT_EQ(tester.get("/nothing", "a-reader").status, 404U);
}

TEST(Authentication, ReadsTheHeader) {
  Tester tester(kTokens);
  const auto status = [&](std::string_view header) {
    http::Request request;
    request.path = "/stats";
    request.authorization = header;
    unsigned answered = 0;
    tester.api->handle(request, http::Reply([&](http::Response&& response) { answered = response.status; }));
    return answered;
  };
  for (const char* good : {"Bearer a-reader", "bearer a-reader", "BEARER   a-reader", "Bearer a-reader  "})
    EXPECT_EQ(status(good), 200U) << good;
  for (const char* bad : {"", "Bearer", "Bearer ", "Bearer  ", "Basic a-reader", "a-reader", "Bearera-reader",
                          "Bearer a-reader x"}) {
    EXPECT_EQ(status(bad), 401U) << bad;
  }
}

TEST(Authentication, RolesIncludeTheFormer) {
  Tester tester(kTokens);
  for (const Route& route : routes()) {
    if (!asks_for_a_token(route)) continue;
    std::string path(route.pattern.substr(0, route.pattern.find('{')));
    if (path.back() == '/') path += "some";
    constexpr std::pair<const char*, security::Role> kHolders[] = {{"a-reader", security::Role::read},
                                                                   {"a-writer", security::Role::write},
                                                                   {"an-admin", security::Role::admin}};
    for (const auto& [token, role] : kHolders) {
      const Answer answer = tester.call(route.method, path, "{}", token);
      EXPECT_EQ(answer.status == 403, role < route.role) << path << " with " << token << ": " << answer.body;
      EXPECT_NE(answer.status, 401U);
      EXPECT_EQ(answer.body.find(token), std::string::npos) << "tokens are named by role only";
    }
  }
}

TEST(Authentication, MetricsCanBeClosed) {
  ApiOptions options;
  options.metrics_auth = true;
  Tester tester(kTokens, options);
  EXPECT_EQ(tester.get("/metrics").status, 401U);
  EXPECT_EQ(tester.get("/metrics", "a-reader").status, 200U);
  EXPECT_EQ(tester.get("/metrics", "tenant-reader").status, 403U) << "its labels name every tenant";
}

TEST(FixedScope, AbsentMeansTheTokensScope) {
  Tester tester(kTokens);
  ASSERT_EQ(tester.post("/insert", insert_body({{"id", "a"}}), "tenant-writer").status, 200U);
  ASSERT_EQ(
      tester.post("/insert", insert_body({{"id", "b"}, {"cache_scope", " tenant "}}), "tenant-writer").status,
      200U);
  for (const FakeEntry& entry : tester.engine.entries) EXPECT_EQ(entry.ns.scope, "tenant");
  EXPECT_EQ(tester.post("/query", query_body(), "tenant-reader").parsed().at("id"), "b");
  EXPECT_EQ(tester.post("/query", query_body(), "a-reader").parsed().at("hit"), false);
}

TEST(FixedScope, AnotherIsForbidden) {
  Tester tester(kTokens);
  const json other = {{"cache_scope", "other"}};
  EXPECT_EQ(tester.post("/insert", insert_body(other), "tenant-writer").status, 403U);
  EXPECT_EQ(tester.post("/query", query_body(other), "tenant-reader").status, 403U);
  const json batch = {{"items", {insert_body(other), insert_body()}}};
  const json results = tester.post("/insert/batch", batch, "tenant-writer").parsed().at("results");
  EXPECT_EQ(results.at(0).at("status"), 403);
  EXPECT_EQ(results.at(1).at("status"), "ok");
  EXPECT_EQ(tester.post("/admin/invalidate", other, "tenant-admin").status, 403U);
  EXPECT_EQ(
      tester.post("/admin/invalidate", {{"tags", {"t"}}, {"cache_scope", "other"}}, "tenant-admin").status,
      403U);
  EXPECT_EQ(tester.remove("/namespaces?model_id=m&cache_scope=other", "tenant-admin").status, 403U);
  EXPECT_EQ(tester.remove("/namespaces/m::other", "tenant-admin").status, 403U);
  EXPECT_EQ(tester.remove("/namespaces/m", "tenant-admin").status, 403U);
  EXPECT_EQ(tester.post("/admin/compact", {}, "tenant-admin").status, 403U);
}

TEST(FixedScope, HidesTheOthers) {
  Tester tester(kTokens);
  for (const auto& [scope, text] :
       std::vector<std::pair<json, json>>{{nullptr, "open"}, {"other", "theirs"}, {"tenant", "ours"}}) {
    ASSERT_EQ(tester
                  .post("/insert",
                        insert_body(
                            {{"id", "x"}, {"cache_scope", scope}, {"query_text", text}, {"response", text}}),
                        "an-admin")
                  .status,
              200U);
  }
  ASSERT_EQ(tester.post("/insert", insert_body({{"id", "y"}, {"cache_scope", "other"}}), "an-admin").status,
            200U);
  EXPECT_EQ(tester.get("/entry/x", "tenant-reader").parsed().at("response"), "ours");
  EXPECT_EQ(tester.get("/entry/y", "tenant-reader").status, 404U);
  EXPECT_EQ(tester.get("/internal/entry/y", "tenant-admin").status, 404U);
  EXPECT_EQ(tester.get("/entry/x?model_id=m", "tenant-reader").parsed().at("response"), "ours");
  EXPECT_EQ(tester.get("/entry/x?model_id=m&cache_scope=other", "tenant-reader").status, 403U);
  EXPECT_EQ(tester.get("/entry/x?cache_scope=other", "tenant-reader").status, 403U);
  EXPECT_EQ(tester.remove("/entry/y", "tenant-writer").status, 404U);

  const Answer listed = tester.get("/namespaces?limit=1", "tenant-admin");
  EXPECT_EQ(listed.parsed().at("namespaces").size(), 1U);
  EXPECT_FALSE(listed.parsed().contains("next"));
  for (const char* target : {"/namespaces", "/namespaces?limit=1", "/stats", "/admin/entry-stats"}) {
    const Answer answer = tester.get(target, "tenant-admin");
    EXPECT_EQ(answer.status, 200U) << target;
    EXPECT_EQ(answer.body.find("other"), std::string::npos) << target << answer.body;
    EXPECT_EQ(answer.body.find("theirs"), std::string::npos) << target;
    EXPECT_NE(answer.body.find("m::tenant"), std::string::npos) << target;
  }

  EXPECT_EQ(tester.remove("/entry/x", "tenant-writer").status, 200U);
  EXPECT_EQ(tester.engine.entries.size(), 3U);
  EXPECT_EQ(tester
                .post("/admin/invalidate", {{"embedding", {3, 0, 4}}, {"threshold", 0}, {"model_id", "m"}},
                      "tenant-admin")
                .parsed()
                .at("deleted_count"),
            0);
  EXPECT_EQ(tester.engine.entries.size(), 3U);
}

// Their names came first and filled the page that was looked at.
TEST(FixedScope, IsFoundBehindTenThousandOtherNamespaces) {
  Tester tester(kTokens);
  for (size_t i = 0; i <= limits::kNamespacesListedMax; ++i) {
    FakeEntry entry;
    entry.ns = {"a", "s" + std::to_string(i), ""};
    entry.vector = {1.0F};
    tester.engine.entries.push_back(std::move(entry));
  }
  ASSERT_EQ(tester.post("/insert", insert_body(), "tenant-writer").status, 200U);
  for (const char* target : {"/stats", "/namespaces"}) {
    const json namespaces = tester.get(target, "tenant-admin").parsed().at("namespaces");
    EXPECT_EQ(namespaces.size(), 1U) << target;
  }
  EXPECT_EQ(tester.get("/stats", "tenant-reader").parsed().at("namespaces_truncated"), false);
  const json all = tester.get("/stats", "an-admin").parsed();
  EXPECT_EQ(all.at("namespaces_truncated"), true);
  EXPECT_EQ(all.at("namespaces").size(), limits::kNamespacesListedMax);
  EXPECT_EQ(all.at("namespace_count"), limits::kNamespacesListedMax + 2);
}

}  // namespace
}  // namespace ferro::node::api
