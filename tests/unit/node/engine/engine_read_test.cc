// Lookups: conversation before base, what is counted, dimensions.
#include <gmock/gmock.h>

#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::engine {
namespace {

using ::testing::HasSubstr;

const model::NamespaceKey kBase{"m::4", "tenant", ""};
const model::NamespaceKey kConversation{"m::4", "tenant", "c"};
const model::NamespaceKey kOther{"m::4", "tenant", "d"};

class EngineReadTest : public ::testing::TestWithParam<bool> {
 protected:
  EngineReadTest() { engine.options.manual = GetParam(); }
  void SetUp() override {
    ASSERT_EQ(engine.open().to_string(), "ok");
    // The same question everywhere; the base is nearest at 0, the conversation at 30, another one at 60
    // degrees.
    for (const auto& [ns, degrees, response] :
         {std::tuple{kBase, 0, "base"}, {kConversation, 30, "conversation"}, {kOther, 60, "other"}}) {
      InsertRequest request = entry("x", degrees, response, ns);
      request.query_text = "What is it?";
      ASSERT_TRUE(insert(*engine, request).ok());
    }
  }
  std::string answer(const model::NamespaceKey& ns, double degrees, std::string_view text = {},
                     float threshold = 0.9999F) {
    const auto result = look_up(*engine, ns, degrees, text, threshold);
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    if (!result.ok() || result->hits.empty()) return "miss";
    return result->hits[0].response + (result->hits[0].exact_match ? " exact" : "") +
           (result->from_conversation ? " from conversation" : "");
  }

  tests::fakes::FaultyFileSystem fs_{1};
  EngineHarness engine{fs_, "/data"};
};

TEST_P(EngineReadTest, TheConversationAnswersBeforeItsBaseAndNoOtherEver) {
  EXPECT_EQ(answer(kConversation, 30), "conversation from conversation");
  EXPECT_EQ(answer(kConversation, 0), "base");
  EXPECT_EQ(answer(kConversation, 60), "miss");
  EXPECT_EQ(answer(kBase, 30), "miss");
  // By text, whatever the vector: still the conversation first.
  EXPECT_EQ(answer(kConversation, 90, " what IS\tit? "), "conversation exact from conversation");
  // A near vector in the conversation goes before an equal text in the base.
  ASSERT_TRUE(remove(*engine, {"x", kConversation, {}}).ok());
  InsertRequest near = entry("y", 30, "near", kConversation);
  ASSERT_TRUE(insert(*engine, near).ok());
  EXPECT_EQ(answer(kConversation, 30, "What is it?"), "near from conversation");
  EXPECT_EQ(answer(kConversation, 90, "What is it?"), "base exact");
  EXPECT_EQ(answer({"m::4", "tenant", "new"}, 0), "base");
}

TEST_P(EngineReadTest, ALookupIsOneQueryAndOneHitOrOneMiss) {
  answer(kConversation, 30);         // hit in the conversation
  answer(kConversation, 0);          // miss there, hit in the base
  answer(kConversation, 60);         // miss in both
  answer(kBase, 90, "what is it?");  // exact
  answer({"nowhere", "", ""}, 0);    // no such namespace
  const Counters counters = engine->counters();
  EXPECT_EQ(counters.queries, 5U);
  EXPECT_EQ(counters.hits, 3U);
  EXPECT_EQ(counters.misses, 2U);
  EXPECT_EQ(counters.exact_match_hits, 1U);
  // In the figures of the base, to which its conversations count: each of its four lookups once.
  const auto stats = engine->store().namespace_stats(kBase, engine->now_ms());
  ASSERT_TRUE(stats.has_value());
  EXPECT_EQ(stats->counters.queries_hit, 3U);
  EXPECT_EQ(stats->counters.queries_miss, 1U);
}

TEST_P(EngineReadTest, AnotherDimensionInEitherNamespaceIsRefusedBeforeAnything) {
  const model::NamespaceKey wide{"m::4", "tenant", "wide"};
  InsertRequest request = entry("w", 0, "wide", wide);
  request.unit_vector = unit_at(0, 7);
  ASSERT_TRUE(insert(*engine, request).ok());
  // Equal text in the conversation of 7 dimensions; the base has 4.
  LookupRequest lookup;
  const std::vector<float> seven = unit_at(0, 7);
  lookup.ns = wide;
  lookup.unit_vector = seven;
  lookup.query_text = request.query_text;
  const auto by_base = engine->lookup(lookup);
  EXPECT_EQ(by_base.status().code(), StatusCode::invalid_argument);
  EXPECT_THAT(by_base.status().message(), AllOf(HasSubstr("7"), HasSubstr("4")));
  const auto by_conversation = look_up(*engine, wide, 0);
  EXPECT_EQ(by_conversation.status().to_string(), store::dimension_mismatch(wide, 7, 4).to_string());
  lookup.ns = kBase;
  lookup.query_text = "What is it?";
  EXPECT_EQ(engine->lookup(lookup).status().code(), StatusCode::invalid_argument);
  EXPECT_EQ(engine->counters().queries, 0U);
}

// The base said it in other words: which of the two an application read depended on the node it asked.
TEST_P(EngineReadTest, AnotherDimensionIsRefusedInTheSameWordsByConversationAndBase) {
  const std::vector<float> seven = unit_at(0, 7);
  LookupRequest lookup;
  lookup.unit_vector = seven;
  lookup.ns = kConversation;
  EXPECT_EQ(engine->lookup(lookup).status().to_string(), store::dimension_mismatch(kBase, 4, 7).to_string());
  lookup.only_this_namespace = true;
  EXPECT_EQ(engine->lookup(lookup).status().to_string(),
            store::dimension_mismatch(kConversation, 4, 7).to_string());
}

TEST_P(EngineReadTest, TheThresholdIsTheConfiguredOneUnlessNamed) {
  engine.options.default_threshold = 0.5F;
  ASSERT_EQ(engine.open().to_string(), "ok");
  LookupRequest lookup;
  const std::vector<float> vector = unit_at(50);
  lookup.ns = kBase;
  lookup.unit_vector = vector;
  EXPECT_EQ(engine->lookup(lookup)->hits.size(), 1U);  // cos 50 = 0.64
  lookup.threshold = 0.7F;
  EXPECT_TRUE(engine->lookup(lookup)->hits.empty());
}

INSTANTIATE_TEST_SUITE_P(Modes, EngineReadTest, ::testing::Bool(), name_of_mode);

}  // namespace
}  // namespace ferro::node::engine
