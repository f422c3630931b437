// /insert, /query and the batches: bounds of every field, shapes of every answer.
#include <cmath>

#include "fixture.h"

namespace ferro::node::api {
namespace {

struct Bounds {
  const char* field;
  std::vector<json> good, bad;
};

std::string times(size_t count, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

json many_tags(size_t count) {
  json tags = json::array();
  for (size_t i = 0; i < count; ++i) tags.push_back("t" + std::to_string(i));
  return tags;
}

json many_attributes(size_t count) {
  json attributes = json::object();
  for (size_t i = 0; i < count; ++i) attributes["a" + std::to_string(i)] = "v";
  return attributes;
}

const std::vector<Bounds>& insert_bounds() {
  static const std::vector<Bounds> bounds = {
      {"embedding",
       {json({1}), json({-0.25}), json({1e-30, 1e-30}), json({3e38, 3e38}), json({0, 1, 2})},
       {json::array(), json({0}), json({0.0, -0.0}), "text", 7, true, json::object(), json({1, "2"}),
        json({1, nullptr}), nullptr, json::array({json({1})})}},
      {"response",
       {"", "r", times(1 << 20, "x"), std::string("a\0b", 3)},
       {5, json::array(), json::object(), true, nullptr}},
      {"query_text", {"", " ", times(10'000, "q")}, {5, json({"q"}), false, nullptr}},
      {"model_id",
       {"m", times(256, "x"), times(128, "\u00e9"), "a/b?c"},
       {"", times(257, "x"), times(128, "\u00e9") + "x", 5, nullptr}},
      {"cache_scope",
       {"", "  ", nullptr, times(256, "s"), "CONV_7", "a conv_"},
       {times(257, "s"), "conv_", "conv_7", " conv_7 ", 5}},
      {"conversation_id", {"", nullptr, "conv_7", times(256, "c")}, {times(257, "c"), 5, json::object()}},
      {"id",
       {"!", times(128, "~"), "a/b?c=%20", "7", nullptr},
       {"", times(129, "x"), "a b", "\u00e9", "a\n", "\x7f", 5, " a"}},
      {"uuid", {"x", nullptr}, {"", times(129, "x"), "tab\t", true}},
      {"ttl_seconds",
       {1, 315'360'000, nullptr},
       {0, -1, 315'360'001, 1.5, 5.0, 1e3, "60", true, json::array()}},
      {"tags",
       {json::array(), json({"t"}), json({times(128, "t")}), many_tags(32), json({"a", "a"}), nullptr},
       {"t", json({""}), json({times(129, "t")}), many_tags(33), json({5}), json({nullptr}), json::object()}},
      {"attributes",
       {json::object(), json({{"a", ""}}), json({{times(64, "a"), times(1024, "v")}}), many_attributes(16),
        json({{"A-Za.0_9", "\u00e9"}}), nullptr},
       {json::array(), "a", json({{"", "v"}}), json({{times(65, "a"), "v"}}), json({{"a b", "v"}}),
        json({{"\u00e9", "v"}}), json({{"a", times(1025, "v")}}), json({{"a", 5}}), json({{"a", nullptr}}),
        many_attributes(17)}},
      {"cost", {0, 1, 0.25, 1e300, -1, -0.5, nullptr}, {"1", true, json::array()}}};
  return bounds;
}

TEST(Insert, KeepsTheBoundsOfEveryField) {
  for (const Bounds& bounds : insert_bounds()) {
    for (const json& value : bounds.good) {
      Tester tester;
      const Answer answer = tester.post("/insert", insert_body({{bounds.field, value}}));
      EXPECT_EQ(answer.status, 200U) << bounds.field << ": " << value.dump().substr(0, 80) << answer.body;
      EXPECT_EQ(tester.engine.entries.size(), 1U);
    }
    for (const json& value : bounds.bad) {
      Tester tester;
      const Answer answer = tester.post("/insert", insert_body({{bounds.field, value}}));
      EXPECT_EQ(answer.status, 400U) << bounds.field << ": " << value.dump().substr(0, 80) << answer.body;
      EXPECT_FALSE(answer.error().empty());
      EXPECT_TRUE(tester.engine.entries.empty());
    }
  }
}

TEST(Insert, RequiredFieldsAreNamed) {
  Tester tester;
  for (const char* field : {"embedding", "model_id", "response", "query_text"}) {
    json body = insert_body();
    body.erase(field);
    const Answer answer = tester.post("/insert", body);
    EXPECT_EQ(answer.status, 400U);
    EXPECT_NE(answer.error().find(field), std::string::npos) << answer.body;
  }
}

TEST(Insert, AnswersTheIdAndMeasures) {
  Tester tester;
  const Answer answer = tester.post("/insert", insert_body({{"id", "mine"}}));
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.parsed(), json({{"id", "mine"}, {"status", "ok"}}));
  EXPECT_EQ(tester.metrics.inserts, 1);
  const std::string made = tester.post("/insert", insert_body()).parsed().at("id");
  EXPECT_EQ(made, tester.engine.entries.back().id);
}

TEST(Insert, HandsEverythingOn) {
  Tester tester;
  ASSERT_EQ(tester
                .post("/insert", insert_body({{"cache_scope", " s "},
                                              {"conversation_id", "c"},
                                              {"uuid", "u"},
                                              {"ttl_seconds", 60},
                                              {"tags", {"b", "a", "b"}},
                                              {"attributes", {{"z", "1"}, {"a", "2"}}},
                                              {"cost", 0.5},
                                              {"unknown", {{"deep", {1, nullptr}}}}}))
                .status,
            200U);
  const FakeEntry& entry = tester.engine.entries.at(0);
  EXPECT_EQ(entry.ns, (model::NamespaceKey{"m", "s", "c"}));
  EXPECT_EQ(entry.id, "u");
  EXPECT_EQ(entry.response, "an answer");
  EXPECT_EQ(entry.query_text, "a question");
  EXPECT_EQ(entry.vector, (std::vector<float>{0.6F, 0.0F, 0.8F})) << "length 1";
  EXPECT_EQ(entry.expires_at_ms, tester.clock.wall_ms() + 60'000);
  EXPECT_EQ(entry.tags, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(entry.attributes, (model::Attributes{{"a", "2"}, {"z", "1"}}));
  EXPECT_EQ(entry.cost, 0.5);
}

TEST(Insert, IdAndUuidMustAgree) {
  Tester tester;
  EXPECT_EQ(tester.post("/insert", insert_body({{"id", "a"}, {"uuid", "a"}})).parsed().at("id"), "a");
  EXPECT_EQ(tester.post("/insert", insert_body({{"id", "a"}, {"uuid", "b"}})).status, 400U);
}

TEST(Insert, TakesBase64InsteadOfNumbers) {
  Tester tester;
  json body = insert_body({{"embedding_b64", "AABAQAAAAAAAAIBA"}});  // 3, 0, 4
  EXPECT_EQ(tester.post("/insert", body).status, 400U) << "exactly one of the two";
  body["embedding"] = nullptr;
  EXPECT_EQ(tester.post("/insert", body).status, 200U);
  EXPECT_EQ(tester.engine.entries.at(0).vector, (std::vector<float>{0.6F, 0.0F, 0.8F}));
  // Empty, malformed, not whole, NaN, infinite, zero.
  for (const char* bad : {"", "AAC*Pw==", "AACAPw", "AACA", "AADAfw==", "AACAfw==", "AAAAAA=="}) {
    body["embedding_b64"] = bad;
    EXPECT_EQ(tester.post("/insert", body).status, 400U) << bad;
  }
}

TEST(Insert, NumbersThatAreNoFloatsAreRefused) {
  Tester tester;
  for (const char* number : {"NaN", "Infinity", "-Infinity", "1e39", "-1e39", "3.5e38", "1e309",
                             "1e99999999999", "0x10", "01", "1."}) {
    for (const char* route : {"/insert", "/query"}) {
      const std::string body =
          R"({"model_id":"m","response":"r","query_text":"q","embedding":[1,)" + std::string(number) + "]}";
      EXPECT_EQ(tester.post_text(route, body).status, 400U) << number;
    }
  }
  EXPECT_TRUE(tester.engine.entries.empty());
}

TEST(Insert, ResponsesBeyondTheLimitAre413) {
  ApiOptions options;
  options.max_response_bytes = 2048;
  Tester tester({}, options);
  EXPECT_EQ(tester.post("/insert", insert_body({{"response", times(1024, "\u00e9")}})).status, 200U);
  EXPECT_EQ(tester.post("/insert", insert_body({{"response", times(1024, "\u00e9") + "x"}})).status, 413U);
  EXPECT_EQ(tester.engine.entries.size(), 1U);
}

TEST(Insert, FailuresOfTheEngineGetTheirStatus) {
  const std::vector<std::pair<StatusCode, unsigned>> codes = {{StatusCode::invalid_argument, 400},
                                                              {StatusCode::too_large, 413},
                                                              {StatusCode::unavailable, 503},
                                                              {StatusCode::no_space, 507},
                                                              {StatusCode::out_of_memory_budget, 507},
                                                              {StatusCode::io_error, 500},
                                                              {StatusCode::internal, 500},
                                                              {StatusCode::failed_precondition, 409}};
  for (const auto& [code, status] : codes) {
    Tester tester;
    tester.engine.write_failure = Status(code, "this is why");
    const Answer answer = tester.post("/insert", insert_body());
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.error(), "this is why");
    EXPECT_EQ(answer.header("Retry-After").empty(), status != 503);
    EXPECT_EQ(tester.metrics.inserts, 0);
    const json result =
        tester.post("/insert/batch", {{"items", {insert_body()}}}).parsed().at("results").at(0);
    EXPECT_EQ(result, json({{"error", "this is why"}, {"status", status}}));
  }
}

TEST(Query, ShapesOfHitAndMiss) {
  Tester tester;
  EXPECT_EQ(tester.post("/query", query_body()).parsed(), json({{"hit", false}}));
  EXPECT_EQ(tester.post("/query", query_body({{"top_k", 2}})).parsed(),
            json({{"hit", false}, {"matches", json::array()}}));
  ASSERT_EQ(tester.post("/insert", insert_body({{"id", "x"}, {"attributes", {{"k", "v"}}}})).status, 200U);
  tester.clock.advance_ms(2500);
  const Answer answer = tester.post("/query", query_body());
  EXPECT_EQ(answer.parsed(), json({{"hit", true},
                                   {"id", "x"},
                                   {"response", "an answer"},
                                   {"similarity", 1.0},
                                   {"exact_match", false},
                                   {"query_text", "a question"},
                                   {"attributes", {{"k", "v"}}},
                                   {"age_seconds", 2}}));
  EXPECT_NE(answer.body.find(R"("similarity":1.0)"), std::string::npos) << answer.body;
  EXPECT_EQ(tester.metrics.queries, 3);
}

TEST(Query, TopKListsTheBestFirst) {
  Tester tester;
  for (const auto& [id, x] : {std::pair("far", 0.5), std::pair("near", 0.1), std::pair("mid", 0.3)}) {
    ASSERT_EQ(tester.post("/insert", insert_body({{"id", id}, {"embedding", {1.0, x}}})).status, 200U);
  }
  const json answer =
      tester.post("/query", query_body({{"embedding", {1.0, 0.0}}, {"threshold", 0.5}, {"top_k", 2}}))
          .parsed();
  ASSERT_EQ(answer.at("matches").size(), 2U);
  EXPECT_EQ(answer.at("id"), "near");
  EXPECT_EQ(answer.at("matches").at(0).at("id"), "near");
  EXPECT_EQ(answer.at("matches").at(1).at("id"), "mid");
  EXPECT_FALSE(answer.at("matches").at(0).contains("hit"));
  EXPECT_FALSE(tester.post("/query", query_body({{"embedding", {1.0, 0.0}}, {"top_k", 1}}))
                   .parsed()
                   .contains("matches"));
}

TEST(Query, ScopeIsToldOnlyInConversations) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body()).status, 200U);
  EXPECT_FALSE(tester.post("/query", query_body()).parsed().contains("scope"));
  EXPECT_EQ(tester.post("/query", query_body({{"conversation_id", "7"}})).parsed().at("scope"), "global");
  ASSERT_EQ(tester.post("/insert", insert_body({{"conversation_id", "7"}})).status, 200U);
  EXPECT_EQ(tester.post("/query", query_body({{"conversation_id", "7"}})).parsed().at("scope"),
            "conversation");
  EXPECT_FALSE(tester.post("/query", query_body({{"conversation_id", " "}})).parsed().contains("scope"))
      << "blank is absent";
}

TEST(Query, TtlRemainingIsRoundedUp) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body({{"ttl_seconds", 2}})).status, 200U);
  EXPECT_EQ(tester.post("/query", query_body()).parsed().at("ttl_remaining"), 2);
  tester.clock.advance_ms(1999);
  EXPECT_EQ(tester.post("/query", query_body()).parsed().at("ttl_remaining"), 1);
}

TEST(Query, KeepsTheBoundsOfEveryField) {
  const std::vector<Bounds> bounds = {
      {"threshold", {0, 1, 0.5, 0.0, 1.0, nullptr}, {-0.001, 1.001, 2, "0.9", true, json::array(), 1e308}},
      {"top_k", {1, 100, nullptr}, {0, -1, 101, 1.5, 3.0, "3", true, json({2})}},
      {"attributes",
       {json::object(), json({{"k", "v"}}), nullptr},
       {json::array(), "a", json({{"a", 1}}), json({{"a", nullptr}}), json({{"", "v"}})}},
      {"query_text", {"", "q", nullptr}, {5, json::array()}},
      {"model_id", {"m"}, {"", nullptr, 5, times(257, "x")}},
      {"cache_scope", {"s", "", nullptr}, {"conv_1", 5, times(257, "s")}},
      {"conversation_id", {"c", nullptr}, {5, times(257, "c")}},
      {"embedding", {json({1})}, {nullptr, json::array(), json({0}), "x"}},
      {"response", {5, json::array()}, {}},  // not a field of this route
      {"ttl_seconds", {-1, "x"}, {}}};
  Tester tester;
  for (const Bounds& row : bounds) {
    for (const json& value : row.good) {
      EXPECT_EQ(tester.post("/query", query_body({{row.field, value}})).status, 200U) << row.field << value;
    }
    for (const json& value : row.bad) {
      EXPECT_EQ(tester.post("/query", query_body({{row.field, value}})).status, 400U) << row.field << value;
    }
  }
}

TEST(Query, AnotherDimensionIsRefused) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body()).status, 200U);
  const Answer answer =
      tester.post("/query", query_body({{"embedding", {1, 2}}, {"query_text", "a question"}}));
  EXPECT_EQ(answer.status, 400U);
  EXPECT_NE(answer.error().find('3'), std::string::npos);
  EXPECT_NE(answer.error().find('2'), std::string::npos);
}

TEST(Query, RoutingSwitchesAreAccepted) {
  Tester tester;
  for (const char* target : {"/query?local=true", "/query?repair=false", "/query?local=false&repair=true",
                             "/query?local=1", "/query?x=y"}) {
    EXPECT_EQ(tester.post(target, query_body()).status, 200U) << target;
  }
  EXPECT_EQ(tester.post("/query?local=maybe", query_body()).status, 400U);
  EXPECT_EQ(tester.post("/insert?local=true", insert_body()).status, 200U);
}

TEST(Responses, ComeBackByteForByte) {
  std::string all;
  for (int byte = 0; byte < 0x80; ++byte) all += static_cast<char>(byte);
  for (const std::string& text :
       {std::string(), std::string(" "), all, std::string("na\u00efve \U0001F389 \u6f22"),
        std::string("\u2028\u2029\ufeff"), std::string("\U0010FFFF"), times(100'000, "x\"")}) {
    Tester tester;
    ASSERT_EQ(
        tester.post("/insert", insert_body({{"id", "x"}, {"response", text}, {"query_text", text}})).status,
        200U);
    EXPECT_EQ(tester.post("/query", query_body()).parsed().at("response"), text);
    EXPECT_EQ(tester.get("/entry/x").parsed().at("response"), text);
    EXPECT_EQ(tester.get("/entry/x").parsed().at("query_text"), text);
  }
  // The same text, escaped by the client in every way there is.
  Tester tester;
  ASSERT_EQ(tester
                .post_text("/insert", R"({"embedding":[1],"model_id":"m","query_text":"","id":"x",)"
                                      R"("response":"\u0041\/\b\f\ud83c\udf89\u0000"})")
                .status,
            200U);
  EXPECT_EQ(tester.get("/entry/x").parsed().at("response"), std::string("A/\b\f\U0001F389\0", 9));
}

TEST(Batches, AnswerEachItemInOrder) {
  Tester tester;
  const json items = {insert_body({{"id", "a"}}),
                      insert_body({{"embedding", json::array()}}),
                      5,
                      nullptr,
                      insert_body({{"id", "b"}}),
                      json::object(),
                      insert_body({{"response", times((1 << 20) + 1, "x")}}),
                      insert_body({{"embedding", {1, 2}}}),
                      insert_body({{"id", "c"}})};
  const json results = tester.post("/insert/batch", {{"items", items}}).parsed().at("results");
  ASSERT_EQ(results.size(), items.size());
  const std::vector<json> statuses = {"ok", 400, 400, 400, "ok", 400, 413, 400, "ok"};
  for (size_t i = 0; i < statuses.size(); ++i) {
    EXPECT_EQ(results.at(i).at("status"), statuses[i]) << results.at(i);
    EXPECT_EQ(results.at(i).contains("error"), statuses[i] != "ok");
  }
  EXPECT_EQ(results.at(8).at("id"), "c");
  EXPECT_EQ(tester.engine.entries.size(), 3U);

  const json queries = {query_body(),
                        query_body({{"top_k", 0}}),
                        query_body({{"embedding", {0, 1, 0}}}),
                        query_body({{"embedding", {1}}}),
                        "x",
                        query_body({{"top_k", 2}})};
  const json found = tester.post("/query/batch", {{"items", queries}}).parsed().at("results");
  ASSERT_EQ(found.size(), queries.size());
  EXPECT_EQ(found.at(0).at("id"), "c");
  EXPECT_EQ(found.at(1).at("status"), 400);
  EXPECT_EQ(found.at(2), json({{"hit", false}}));
  EXPECT_EQ(found.at(3).at("status"), 400);
  EXPECT_EQ(found.at(4).at("status"), 400);
  EXPECT_EQ(found.at(5).at("matches").size(), 2U);
}

TEST(Batches, EachAnswerIsThatOfTheSingleRoute) {
  Tester tester;
  ASSERT_EQ(tester.post("/insert", insert_body({{"conversation_id", "7"}, {"ttl_seconds", 9}})).status, 200U);
  for (const json& fields :
       {json::object(), json({{"conversation_id", "7"}}), json({{"conversation_id", "7"}, {"top_k", 3}})}) {
    const json alone = tester.post("/query", query_body(fields)).parsed();
    EXPECT_EQ(tester.post("/query/batch", {{"items", {query_body(fields)}}}).parsed().at("results").at(0),
              alone);
  }
}

TEST(Batches, AreBounded) {
  ApiOptions options;
  options.max_batch_items = 3;
  Tester tester({}, options);
  for (const char* route : {"/insert/batch", "/query/batch"}) {
    EXPECT_EQ(tester.post(route, {{"items", json(3, insert_body())}}).status, 200U);
    EXPECT_EQ(tester.post(route, {{"items", json(4, insert_body())}}).status, 400U);
    EXPECT_EQ(tester.post(route, {{"items", json::array()}}).parsed(), json({{"results", json::array()}}));
    for (const json& bad :
         {json::object(), json({{"items", 5}}), json({{"items", nullptr}}), json::array(), json(5)}) {
      EXPECT_EQ(tester.post(route, bad).status, 400U) << bad;
    }
  }
  EXPECT_EQ(tester.engine.entries.size(), 3U);
}

// A hundred entries of a megabyte each would be asked for a thousand times over.
TEST(Batches, AnswersTogetherAreBounded) {
  ApiOptions options;
  options.max_response_bytes = 8U << 20;
  Tester tester({}, options);
  ASSERT_EQ(tester.post("/insert", insert_body({{"response", times(8U << 20, "x")}})).status, 200U);
  const Answer answer = tester.post("/query/batch", {{"items", json(12, query_body())}});
  EXPECT_LT(answer.body.size(), 80U << 20);
  const json results = answer.parsed().at("results");
  ASSERT_EQ(results.size(), 12U);
  EXPECT_EQ(results.front().at("hit"), true);
  EXPECT_EQ(results.back().at("status"), 413);
}

TEST(Bodies, WhatIsNoJsonObjectIs400) {
  Tester tester;
  for (const char* route : {"/insert", "/query", "/insert/batch", "/query/batch", "/admin/invalidate"}) {
    for (const std::string& body : {std::string(),
                                    std::string(" "),
                                    std::string("{"),
                                    std::string("nul"),
                                    std::string("null"),
                                    std::string("[]"),
                                    std::string("5"),
                                    std::string("\"x\""),
                                    std::string("{}}"),
                                    std::string("{} {}"),
                                    std::string("{\"a\":\"\xff\"}"),
                                    std::string("\0", 1),
                                    std::string("{a:1}"),
                                    std::string("{'a':1}"),
                                    std::string("a=b"),
                                    std::string("\xef\xbb\xbf{}"),
                                    std::string("{}//"),
                                    std::string(R"({"a":"\ud800"})"),
                                    times(100'000, "["),
                                    times(100'000, R"({"a":)")}) {
      const Answer answer = tester.post_text(route, body);
      EXPECT_EQ(answer.status, 400U) << route << ": " << body.substr(0, 40);
      EXPECT_FALSE(answer.error().empty());
    }
  }
}

}  // namespace
}  // namespace ferro::node::api
