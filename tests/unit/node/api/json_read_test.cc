#include "node/api/json_read.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "common/base/limits.h"
#include "node/api/fields.h"

namespace ferro::node::api {
namespace {

Fields read_fine(std::string_view body, const FieldSet& known = kInsertFields) {
  Fields fields;
  const Status status = JsonReader::of_this_thread().read_object(body, known, fields);
  EXPECT_TRUE(status.ok()) << body << ": " << status.to_string();
  return fields;
}

Status read_status(std::string_view body) {
  Fields fields;
  return JsonReader::of_this_thread().read_object(body, kInsertFields, fields);
}

TEST(JsonRead, TakesTheFieldsThatAreAskedFor) {
  const Fields fields = read_fine(
      R"({"embedding":[1, -2.5e0,3],"response":"r\n\u00e9\ud83c\udf89","query_text":"","model_id":"m","ttl_seconds":5,)"
      R"("cache_scope":"s","conversation_id":"c","id":"i","uuid":"u","tags":["a","b"],"attributes":{"k":"v","l":"w"},)"
      R"("cost":0.5,"threshold":"not asked for","top_k":{}})");
  ASSERT_TRUE(fields.problem.ok());
  ASSERT_TRUE(fields.embedding);
  EXPECT_EQ(std::vector<float>(fields.embedding->begin(), fields.embedding->end()),
            (std::vector<float>{1, -2.5F, 3}));
  EXPECT_EQ(fields.response, "r\n\u00e9\U0001F389");
  EXPECT_EQ(fields.query_text, "");
  EXPECT_EQ(fields.model_id, "m");
  EXPECT_EQ(fields.ttl_seconds, 5);
  EXPECT_EQ(fields.cache_scope, "s");
  EXPECT_EQ(fields.conversation_id, "c");
  EXPECT_EQ(fields.id, "i");
  EXPECT_EQ(fields.uuid, "u");
  EXPECT_EQ(*fields.tags, (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(fields.attributes->at(1), (std::pair<std::string_view, std::string_view>{"l", "w"}));
  EXPECT_EQ(fields.cost, 0.5);
  EXPECT_FALSE(fields.threshold || fields.top_k || fields.dry_run || fields.embedding_b64);
}

TEST(JsonRead, NullIsAbsent) {
  const Fields fields = read_fine(
      R"({"embedding":null,"response":null,"ttl_seconds":null,"tags":null,"attributes":null,"cost":null,"id":null})");
  EXPECT_TRUE(fields.problem.ok());
  EXPECT_FALSE(fields.embedding || fields.response || fields.ttl_seconds || fields.tags ||
               fields.attributes || fields.cost || fields.id);
}

TEST(JsonRead, OfAKeyGivenTwiceTheLastCounts) {
  const Fields fields =
      read_fine(R"({"model_id":"a","model_id":"b","embedding":[1],"embedding":[2,3],"id":"x","id":null,)"
                R"("attributes":{"k":"1","k":"2"}})");
  EXPECT_EQ(fields.model_id, "b");
  EXPECT_EQ(fields.embedding->size(), 2U);
  EXPECT_FALSE(fields.id);
  EXPECT_EQ(fields.attributes->size(), 1U);
  EXPECT_EQ(fields.attributes->at(0).second, "2");
}

TEST(JsonRead, AnEscapedKeyIsTheSameKey) {
  EXPECT_EQ(read_fine(R"({"\u006dodel_id":"m"})").model_id, "m");
}

TEST(JsonRead, WrongTypesAreProblemsThatNameTheField) {
  for (const auto& [body, field] : std::vector<std::pair<const char*, const char*>>{
           {R"({"embedding":"x"})", "embedding"},
           {R"({"embedding":[1,"2"]})", "embedding[1]"},
           {R"({"embedding":[1,null]})", "embedding[1]"},
           {R"({"embedding":[[1]]})", "embedding[0]"},
           {R"({"embedding":[1e39]})", "embedding[0]"},
           {R"({"embedding":[1,2,1e400]})", "embedding[2]"},
           {R"({"embedding":[]})", "embedding"},
           {R"({"embedding_b64":5})", "embedding_b64"},
           {R"({"response":5})", "response"},
           {R"({"model_id":["m"]})", "model_id"},
           {R"({"ttl_seconds":1.5})", "ttl_seconds"},
           {R"({"ttl_seconds":5.0})", "ttl_seconds"},
           {R"({"ttl_seconds":"5"})", "ttl_seconds"},
           {R"({"ttl_seconds":true})", "ttl_seconds"},
           {R"({"tags":"t"})", "tags"},
           {R"({"tags":["t",5]})", "tags"},
           {R"({"tags":[null]})", "tags"},
           {R"({"attributes":[]})", "attributes"},
           {R"({"attributes":{"k":null}})", "attributes"},
           {R"({"attributes":{"k":{"deep":[1]}}})", "attributes"},
           {R"({"cost":"1"})", "cost"},
           {R"({"cost":1e400})", "cost"}}) {
    SCOPED_TRACE(body);
    const Fields fields = read_fine(body);
    ASSERT_FALSE(fields.problem.ok());
    EXPECT_EQ(fields.problem.code(), StatusCode::invalid_argument);
    EXPECT_NE(fields.problem.message().find(field), std::string::npos) << fields.problem.message();
  }
}

TEST(JsonRead, IntegersBeyondSixtyFourBitsAreTheNearestEnd) {
  EXPECT_EQ(read_fine(R"({"ttl_seconds":99999999999999999999})").ttl_seconds, INT64_MAX);
  EXPECT_EQ(read_fine(R"({"ttl_seconds":-99999999999999999999})").ttl_seconds, INT64_MIN);
}

TEST(JsonRead, CountsEmbeddingsAtTheBound) {
  const auto body = [](size_t count) {
    std::string text = R"({"embedding":[1)";
    for (size_t i = 1; i < count; ++i) text += ",1";
    return text + "]}";
  };
  EXPECT_TRUE(read_fine(body(limits::kDimensionMax)).problem.ok());
  const Fields fields = read_fine(body(limits::kDimensionMax + 1));
  EXPECT_NE(fields.problem.message().find("4097"), std::string::npos) << fields.problem.message();
}

TEST(JsonRead, NamesWhatIsWrongWithABody) {
  EXPECT_NE(read_status("").message().find("empty"), std::string::npos);
  EXPECT_NE(read_status(" \n").message().find("empty"), std::string::npos);
  EXPECT_NE(read_status("{\"a\":\"\xff\"}").message().find("UTF-8"), std::string::npos);
  EXPECT_NE(read_status(R"({"a":"\ud800"})").message().find("surrogate"), std::string::npos);
}

TEST(JsonRead, RefusesHalfSurrogatesEverywhere) {
  for (const char* bad :
       {R"({"x":"\ud800"})", R"({"x":"\uDC00"})", R"({"x":"\ud800\u0041"})", R"({"x":"\ud800x\udc00"})",
        R"({"\udfff":1})", R"({"x":"\ud83c\ud83c\udf89"})", R"({"response":"\udf89\ud83c"})"}) {
    EXPECT_FALSE(read_status(bad).ok()) << bad;
  }
  for (const char* good : {R"({"x":"\ud83c\udf89"})", R"({"x":"\\ud800"})", R"({"x":"\\\ud83c\udf89"})",
                           R"({"x":"\ud7ff\ue000"})"}) {
    EXPECT_TRUE(read_status(good).ok()) << good;
  }
}

TEST(JsonRead, BoundsTheDepth) {
  const auto nested = [](size_t levels, char open, char close) {
    std::string text = R"({"x":)";
    for (size_t i = 0; i < levels; ++i) text += open == '{' ? std::string(R"({"y":)") : std::string("[");
    text += "1";
    return text + std::string(levels, close) + "}";
  };
  for (const auto& [open, close] : {std::pair('[', ']'), std::pair('{', '}')}) {
    EXPECT_TRUE(read_status(nested(limits::kJsonDepthMax - 2, open, close)).ok());
    const Status deep = read_status(nested(limits::kJsonDepthMax + 1, open, close));
    EXPECT_NE(deep.message().find("deep"), std::string::npos) << deep.message();
    EXPECT_FALSE(read_status(nested(200'000, open, close)).ok());
  }
  EXPECT_FALSE(read_status(R"({"embedding":)" + std::string(100'000, '[')).ok());
  EXPECT_FALSE(read_status(R"({"embedding":)" + std::string(5000, '[') + std::string(5000, ']') + "}").ok());
}

TEST(JsonRead, ReadsItemsInOrder) {
  std::vector<Fields> items;
  JsonReader& reader = JsonReader::of_this_thread();
  ASSERT_TRUE(
      reader
          .read_items(
              R"({"x":[1],"items":[{"id":"a","embedding":[1,2]},5,{"id":7},{"id":"d","embedding":[3]}],"y":{}})",
              kInsertFields, 4, items)
          .ok());
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[0].id, "a");
  EXPECT_EQ(items[0].embedding->size(), 2U);
  EXPECT_FALSE(items[1].problem.ok());
  EXPECT_FALSE(items[2].problem.ok());
  EXPECT_EQ(items[3].embedding->front(), 3.0F);
  EXPECT_EQ(items[0].embedding->front(), 1.0F);
}

TEST(JsonRead, RefusesBodiesThatAreNoBatch) {
  std::vector<Fields> items;
  for (const char* bad : {"{}", "[]", R"({"items":{}})", R"({"items":null})", R"({"items":"x"})",
                          R"({"Items":[]})", R"({"items":[{}]} x)", R"({"items":[{})", R"({"items":[{},]})",
                          R"({"items":[{}}])", R"({"items":[{},{},{}]})", "", "5"}) {
    EXPECT_FALSE(JsonReader::of_this_thread().read_items(bad, kInsertFields, 2, items).ok()) << bad;
  }
  EXPECT_TRUE(JsonReader::of_this_thread().read_items(R"({"items":[]})", kInsertFields, 2, items).ok());
  EXPECT_TRUE(items.empty());
}

TEST(JsonRead, LargeBodiesLeaveTheReaderAsItWas) {
  const std::string large = R"({"response":")" + std::string(3U << 20, 'x') + "\"}";
  EXPECT_EQ(read_fine(large).response->size(), 3U << 20);
  JsonReader::of_this_thread().forget_large_body();
  EXPECT_EQ(read_fine(R"({"response":"small"})").response, "small");
}

// Everything that another parser takes is taken, and nothing else, however a good body is damaged.
TEST(JsonRead, AgreesWithAnotherParserOnDamagedBodies) {
  const std::string good =
      R"({"embedding":[1.5,-2e3,0.25],"response":"a\"\\\n\u00e9\ud83c\udf89b","tags":["t","u"],"attributes":{"k":"v"},)"
      R"("ttl_seconds":60,"x":{"y":[true,false,null,1.5e-3,"s",{}],"z":[]},"cost":1})";
  const std::string_view alphabet = "{}[]\",:\\0123456789.-+eEtrufalsn \t\nxu\x01\x7f\xc3\xa9\xff/*";
  const uint64_t seed = 4711;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  int accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string body = good;
    const size_t edits = 1 + random() % 3;
    for (size_t edit = 0; edit < edits; ++edit) {
      const size_t at = random() % body.size();
      const char character = alphabet[random() % alphabet.size()];
      switch (random() % 4) {
        case 0:
          body[at] = character;
          break;
        case 1:
          body.insert(at, 1, character);
          break;
        case 2:
          body.erase(at, 1 + random() % 4);
          break;
        default:
          body.insert(at, body.substr(random() % body.size(), random() % 8));
          break;
      }
      if (body.empty()) body = "x";
    }
    bool expected = false;
    try {
      expected = nlohmann::json::parse(body).is_object();
    } catch (const nlohmann::json::out_of_range&) {
      continue;  // a number beyond a double's range: no error of the grammar, but the other parser refuses it
    } catch (const nlohmann::json::parse_error&) {
    }
    const Status status = read_status(body);
    ASSERT_EQ(status.ok(), expected) << body << "\n" << status.to_string();
    accepted += expected ? 1 : 0;
  }
  EXPECT_GT(accepted, 3'000);
}

TEST(JsonRead, RefusesEveryTruncation) {
  const std::string good =
      R"({"embedding":[1.5,-2e3],"tags":["t"],"attributes":{"k":"v"},"cost":1,"x":{"y":[1,"\u00e9"]}})";
  ASSERT_TRUE(read_status(good).ok());
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(read_status(good.substr(0, size)).ok()) << size;
  for (const char* tail : {"}", "{", "{}", ",", "x", "1", "\"", "]", "null", "\x01"}) {
    EXPECT_FALSE(read_status(good + tail).ok()) << tail;
  }
  EXPECT_FALSE(read_status(good + std::string(1, '\0')).ok());
  EXPECT_TRUE(read_status(" \n\t\r" + good + " \n\t\r").ok());
  EXPECT_FALSE(read_status("\xef\xbb\xbf" + good).ok()) << "a byte order mark";
}

}  // namespace
}  // namespace ferro::node::api
