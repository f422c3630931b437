#include "node/store/store.h"

#include "common/base/limits.h"
#include "tests/unit/node/store/fixture.h"

namespace ferro::node::store {
namespace {

using StoreTest = StoreFixture;

// --- exact match ---

TEST_F(StoreTest, TheSameWordsHitWhateverTheVector) {
  put("a", "What is  LIFE?", {1.0F, 0.0F});
  const auto result = query(" what is life? ", elsewhere());
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->hits.size(), 1U);
  EXPECT_EQ(result->hits[0].id, "a");
  EXPECT_EQ(result->hits[0].query_text, "What is  LIFE?");
  EXPECT_EQ(result->hits[0].response, "answer of a");
  EXPECT_TRUE(result->hits[0].exact_match);
  EXPECT_EQ(result->hits[0].similarity, 1.0F);
}

TEST_F(StoreTest, ABlankTextNeverMatchesExactly) {
  put("a", " \t", {1.0F, 0.0F});
  put("b", "", {1.0F, 0.0F});
  EXPECT_EQ(hits(" \t", elsewhere()), Ids{});
  EXPECT_EQ(hits("", elsewhere()), Ids{});
}

TEST_F(StoreTest, TheNewestOfATextWinsAndDeletingItUncoversTheNext) {
  put("a", "q");
  put("b", "Q");
  put("c", "q ");
  EXPECT_EQ(hits("q", elsewhere()), Ids{"c"});
  remove("c");
  EXPECT_EQ(hits("q", elsewhere()), Ids{"b"});
  remove("a");
  EXPECT_EQ(hits("q", elsewhere()), Ids{"b"});
  remove("b");
  EXPECT_EQ(hits("q", elsewhere()), Ids{});
}

TEST_F(StoreTest, ExpiryUncoversTheNextNewestBeforeAnythingIsReaped) {
  put("a", "q");
  put_for("b", "q", 10);
  EXPECT_EQ(hits("q", elsewhere()), Ids{"b"});
  clock_.advance_ms(10);
  EXPECT_EQ(hits("q", elsewhere()), Ids{"a"});
}

TEST_F(StoreTest, ReplacingByIdWithOtherWordsUncoversToo) {
  put("a", "q");
  put("b", "q");
  put("b", "other");
  EXPECT_EQ(hits("q", elsewhere()), Ids{"a"});
  EXPECT_EQ(hits("other", elsewhere()), Ids{"b"});
}

TEST_F(StoreTest, AnExactMatchMustFitTheAttributesElseTheNextNewestThatDoes) {
  model::PutOp first = put_of("a", "q");
  first.attributes = {{"lang", "en"}, {"tier", "gold"}};
  apply(first);
  model::PutOp second = put_of("b", "q");
  second.attributes = {{"lang", "de"}};
  apply(second);
  const model::Attributes english = {{"lang", "en"}};
  const model::Attributes both = {{"lang", "en"}, {"tier", "gold"}};
  const model::Attributes none = {{"lang", "fr"}};
  EXPECT_EQ(hits("q", elsewhere(), 0.9F, 1, &english), Ids{"a"});
  EXPECT_EQ(hits("q", elsewhere(), 0.9F, 1, &both), Ids{"a"});
  EXPECT_EQ(hits("q", elsewhere(), 0.9F, 1, &none), Ids{});
  EXPECT_EQ(hits("q", elsewhere()), Ids{"b"});
}

TEST_F(StoreTest, WritesThatArriveOutOfOrderKeepTheNewestVersionInFront) {
  model::PutOp oldest = put_of("a", "q");
  model::PutOp middle = put_of("b", "q");
  model::PutOp newest = put_of("c", "q");
  apply(newest);
  apply(oldest);
  apply(middle);
  EXPECT_EQ(hits("q", elsewhere()), Ids{"c"});
  remove("c");
  EXPECT_EQ(hits("q", elsewhere()), Ids{"b"});
  remove("b");
  EXPECT_EQ(hits("q", elsewhere()), Ids{"a"});
}

TEST_F(StoreTest, TextsThatCollideInTheHashAreToldApart) {
  make({}, [](std::string_view) noexcept { return model::TextHash{1, 1}; });
  put("a", "first");
  put("b", "second");
  put("c", "third");
  EXPECT_EQ(hits("first", elsewhere()), Ids{"a"});
  EXPECT_EQ(hits("SECOND", elsewhere()), Ids{"b"});
  EXPECT_EQ(hits("fourth", elsewhere()), Ids{});
  remove("b");
  EXPECT_EQ(hits("second", elsewhere()), Ids{});
  EXPECT_EQ(hits("first", elsewhere()), Ids{"a"});
  EXPECT_EQ(hits("third", elsewhere()), Ids{"c"});
}

// --- similarity ---

TEST_F(StoreTest, AnIdenticalVectorHitsAtThresholdOne) {
  for (int i = 1; i < 200; ++i) {
    const std::vector<float> vector = {static_cast<float>(i), 3.0F, static_cast<float>(-i * i)};
    ns_.scope = std::to_string(i);
    put("a", "", vector);
    ASSERT_EQ(hits("", vector, 1.0F), Ids{"a"}) << i;
  }
}

TEST_F(StoreTest, ThresholdZeroTakesOppositeVectorsAndReportsZero) {
  put("a", "", {-1.0F, 0.0F});
  const auto result = query("", {1.0F, 0.0F}, 0.0F);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->hits.size(), 1U);
  EXPECT_EQ(result->hits[0].similarity, 0.0F);
  EXPECT_EQ(hits("", {1.0F, 0.0F}, 0.01F), Ids{});
}

TEST_F(StoreTest, ThresholdComparesWithOneMillionthOfTolerance) {
  const float angle = std::acos(0.9F);
  put("a", "", {std::cos(angle), std::sin(angle)});
  EXPECT_EQ(hits("", {1.0F, 0.0F}, 0.9F), Ids{"a"});
  EXPECT_EQ(hits("", {1.0F, 0.0F}, 0.90001F), Ids{});
}

TEST_F(StoreTest, MatchesComeBestFirstTheExactOneInFrontAndNoneTwice) {
  put("far", "far", {0.6F, 0.8F});
  put("near", "near", {1.0F, 0.1F});
  put("words", "the words", {0.8F, 0.6F});
  EXPECT_EQ(hits("the words", {1.0F, 0.0F}, 0.0F, 10), (Ids{"words", "near", "far"}));
  EXPECT_EQ(hits("the words", {1.0F, 0.0F}, 0.0F, 2), (Ids{"words", "near"}));
  EXPECT_EQ(hits("the words", {1.0F, 0.0F}, 0.0F, 1), Ids{"words"});
  EXPECT_EQ(hits("the words", {1.0F, 0.0F}, 0.95F, 10), (Ids{"words", "near"}));
  EXPECT_EQ(hits("", {1.0F, 0.0F}, 0.0F, 10), (Ids{"near", "words", "far"}));
}

TEST_F(StoreTest, DeadNeighboursNeverHideALiveOne) {
  put("live", "", {0.9F, 0.4F});
  for (int i = 0; i < 50; ++i) put_for("expired" + std::to_string(i), "", 5, {1.0F, 0.0F});
  for (int i = 0; i < 50; ++i) put("deleted" + std::to_string(i), "", {1.0F, 0.0F});
  for (int i = 0; i < 50; ++i) remove("deleted" + std::to_string(i));
  clock_.advance_ms(5);
  EXPECT_EQ(hits("", {1.0F, 0.0F}, 0.5F), Ids{"live"});
}

// --- ids, versions ---

TEST_F(StoreTest, TheSameIdReplacesInItsNamespaceOnly) {
  EXPECT_EQ(put("a", "first").outcome, ApplyOutcome::inserted);
  const model::NamespaceKey here = ns_;
  ns_.scope = "other";
  EXPECT_EQ(put("a", "second").outcome, ApplyOutcome::inserted);
  ns_ = here;
  const ApplyResult result = put("a", "third");
  EXPECT_EQ(result.outcome, ApplyOutcome::replaced);
  EXPECT_EQ(result.removed, 1U);
  EXPECT_EQ(store_->live_entries(now()), 2U);
  const auto found = store_->find("a", now(), false);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].query_text, "third");  // newest first
  EXPECT_EQ(found[1].query_text, "second");
  EXPECT_EQ(found[1].ns.scope, "other");
}

TEST_F(StoreTest, ApplyingAgainOrLateChangesNothing) {
  const model::PutOp first = put_of("a", "first");
  const model::PutOp second = put_of("a", "second");
  const model::DeleteOp late{ns_, "a", first.version, model::DeleteReason::requested};
  apply(second);
  EXPECT_EQ(apply(second).outcome, ApplyOutcome::ignored);
  EXPECT_EQ(apply(first).outcome, ApplyOutcome::ignored);
  EXPECT_EQ(apply(late).outcome, ApplyOutcome::ignored);
  EXPECT_EQ(hits("second", elsewhere()), Ids{"a"});
  const model::DeleteOp tie{ns_, "a", second.version, model::DeleteReason::requested};
  EXPECT_EQ(apply(tie).removed, 1U);  // a delete wins a tie
  EXPECT_EQ(apply(tie).outcome, ApplyOutcome::ignored);
}

TEST_F(StoreTest, EverythingOfAnEntryIsReadBack) {
  model::PutOp op = put_of("a", "text", {3.0F, 4.0F});
  op.tags = {"t1", "t2"};
  op.attributes = {{"k1", "v1"}, {"k2", ""}};
  op.cost = 1.5;
  op.has_cost = true;
  op.expires_at_ms = now() + 1000;
  apply(op);
  clock_.advance_ms(100);
  hits("text");
  hits("text");
  const auto found = store_->find("a", now(), true);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].version, op.version);
  EXPECT_EQ(found[0].response, op.response);
  EXPECT_EQ(found[0].tags, op.tags);
  EXPECT_EQ(found[0].attributes, op.attributes);
  EXPECT_TRUE(found[0].has_cost);
  EXPECT_EQ(found[0].cost, 1.5);
  EXPECT_EQ(found[0].inserted_at_ms, now() - 100);
  EXPECT_EQ(found[0].expires_at_ms, now() + 900);
  EXPECT_EQ(found[0].last_accessed_at_ms, now());
  EXPECT_EQ(found[0].access_count, 2U);
  EXPECT_EQ(found[0].vector, op.vector);
  EXPECT_TRUE(store_->find("a", now(), false)[0].vector.empty());
  EXPECT_TRUE(store_->find("b", now(), true).empty());
}

// --- dimension ---

TEST_F(StoreTest, AnotherDimensionIsRefusedByNameOfBothBeforeExactMatching) {
  put("a", "q", {1.0F, 0.0F});
  const Status asked = query("q", {1.0F, 0.0F, 0.0F}).status();
  EXPECT_EQ(asked.code(), StatusCode::invalid_argument);
  const Status inserted = store_->admit(put_of("b", "q", {1.0F, 0.0F, 0.0F}), now());
  EXPECT_EQ(inserted.code(), StatusCode::invalid_argument);
  for (const Status& status : {asked, inserted}) {
    EXPECT_NE(status.message().find("2"), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("3"), std::string::npos) << status.message();
  }
}

TEST_F(StoreTest, TheDimensionIsFreeWhenTheLastEntryHasGone) {
  const std::vector<float> three = {1.0F, 0.0F, 0.0F};
  put("a", "q");
  put_for("b", "q", 10);
  EXPECT_EQ(store_->dimension_of(ns_, now()), 2U);
  remove("a");
  EXPECT_FALSE(store_->admit(put_of("c", "q", three), now()).ok());
  clock_.advance_ms(10);  // the last one expires; nothing has reaped it
  EXPECT_EQ(store_->dimension_of(ns_, now()), 0U);
  EXPECT_EQ(hits("q", three), Ids{});
  const model::PutOp op = put_of("c", "q", three);
  EXPECT_TRUE(store_->admit(op, now()).ok());
  EXPECT_EQ(apply(op).removed, 0U);
  EXPECT_EQ(store_->dimension_of(ns_, now()), 3U);
  EXPECT_EQ(hits("q", three), Ids{"c"});
  EXPECT_EQ(store_->live_entries(now()), 1U);
}

TEST_F(StoreTest, ReplayedConflictsOfDimensionGoToTheNewer) {
  const model::PutOp old_two = put_of("a", "q", {1.0F, 0.0F});
  const model::PutOp three = put_of("b", "q", {1.0F, 0.0F, 0.0F});
  const model::PutOp new_two = put_of("c", "q", {0.0F, 1.0F});
  apply(old_two);
  EXPECT_EQ(apply(three).removed, 1U);
  EXPECT_EQ(apply(old_two).outcome, ApplyOutcome::ignored);
  EXPECT_EQ(apply(new_two).outcome, ApplyOutcome::inserted);
  EXPECT_EQ(hits("q", {1.0F, 0.0F}), Ids{"c"});
}

TEST_F(StoreTest, TwoPutsOfOneBatchCannotFixDifferentDimensions) {
  const model::PutOp two = put_of("a", "q", {1.0F, 0.0F});
  const model::PutOp three = put_of("b", "q", {1.0F, 0.0F, 0.0F});
  ASSERT_TRUE(store_->admit(two, now()).ok());
  EXPECT_TRUE(store_->victims_for(two, now()).empty());
  EXPECT_FALSE(store_->admit(three, now()).ok());
  store_->end_batch();  // it could not be logged
  EXPECT_TRUE(store_->admit(three, now()).ok());
}

// --- namespaces ---

TEST_F(StoreTest, NamespacesNeverMeet) {
  const std::vector<model::NamespaceKey> keys = {
      {"a", "", ""}, {"a", "b", ""}, {"a::b", "", ""}, {"a", "b", "c"}, {"a", "", "c"}};
  for (const model::NamespaceKey& key : keys) {
    ns_ = key;
    put("id of " + model::printed_name(key), "q");
  }
  for (const model::NamespaceKey& key : keys) {
    ns_ = key;
    EXPECT_EQ(hits("q", {1.0F, 0.0F}, 0.0F, 10), Ids{"id of " + model::printed_name(key)});
  }
}

TEST_F(StoreTest, DroppingANamespaceTakesWhatIsNotNewer) {
  put("a", "q");
  put_for("b", "q", 10);
  const Hlc at = next_version();
  put("c", "q");
  clock_.advance_ms(10);
  const ApplyResult result = apply(model::DropNamespaceOp{ns_, at});
  EXPECT_EQ(result.outcome, ApplyOutcome::removed);
  EXPECT_EQ(result.removed, 1U);  // the expired one was no live entry
  EXPECT_EQ(hits("q", {1.0F, 0.0F}, 0.0F, 10), Ids{"c"});
  EXPECT_EQ(apply(model::DropNamespaceOp{ns_, next_version()}).removed, 1U);
  EXPECT_EQ(store_->namespace_count(), 0U);
  EXPECT_EQ(apply(model::DropNamespaceOp{ns_, next_version()}).outcome, ApplyOutcome::ignored);
}

// --- expiry ---

TEST_F(StoreTest, AnEntryExpiresToTheMillisecondForEveryReader) {
  put_for("a", "q", 100);
  clock_.advance_ms(99);
  EXPECT_EQ(hits("q"), Ids{"a"});
  EXPECT_EQ(store_->find("a", now(), false).size(), 1U);
  EXPECT_EQ(store_->live_entries(now()), 1U);
  EXPECT_EQ(store_->within_radius(ns_, unit({1.0F, 0.0F}), 0.9F, now()).size(), 1U);
  clock_.advance_ms(1);
  EXPECT_EQ(hits("q"), Ids{});
  EXPECT_EQ(hits("", {1.0F, 0.0F}, 0.0F), Ids{});
  EXPECT_TRUE(store_->find("a", now(), false).empty());
  EXPECT_EQ(store_->live_entries(now()), 0U);
  EXPECT_TRUE(store_->within_radius(ns_, unit({1.0F, 0.0F}), 0.9F, now()).empty());
  EXPECT_TRUE(store_->select({}, now()).empty());
  EXPECT_TRUE(store_->namespaces(now(), "", "", 10).empty());
}

TEST_F(StoreTest, LiveCountsFollowAClockThatGoesBack) {
  put_for("a", "", 100);
  put_for("b", "", 200);
  const int64_t start = now();
  EXPECT_EQ(store_->live_entries(start + 150), 1U);
  EXPECT_EQ(store_->live_entries(start + 200), 0U);
  EXPECT_EQ(store_->live_entries(start + 199), 1U);
  EXPECT_EQ(store_->live_entries(start), 2U);
  remove("a");
  EXPECT_EQ(store_->live_entries(start), 1U);
  EXPECT_EQ(store_->live_entries(start + 500), 0U);
}

TEST_F(StoreTest, ReapingTakesTheOldestDeadlinesUpToItsBound) {
  for (int i = 0; i < 10; ++i) put_for(std::to_string(i), "", 10 + i);
  put("forever", "");
  clock_.advance_ms(15);  // 0..5 have expired
  EXPECT_EQ(store_->reap_expired(now(), 4), 4U);
  EXPECT_EQ(store_->reap_expired(now(), 4), 2U);
  EXPECT_EQ(store_->reap_expired(now(), 4), 0U);
  EXPECT_EQ(store_->live_entries(now()), 5U);
  const auto stats = store_->namespace_stats(ns_, now());
  ASSERT_TRUE(stats.has_value());
  EXPECT_EQ(stats->counters.expirations, 6U);
}

// --- invalidation ---

TEST_F(StoreTest, TheRadiusIsExactAndNotClamped) {
  put("same", "", {1.0F, 0.0F});
  put("near", "", {1.0F, 0.2F});
  put("across", "", {0.0F, 1.0F});
  put("opposite", "", {-1.0F, 0.0F});
  const auto ids = [&](float threshold) {
    Ids out;
    for (const EntryRef& ref : store_->within_radius(ns_, unit({1.0F, 0.0F}), threshold, now()))
      out.push_back(ref.id);
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(ids(1.0F), Ids{"same"});
  EXPECT_EQ(ids(0.9F), (Ids{"near", "same"}));
  EXPECT_EQ(ids(0.0F), (Ids{"across", "near", "same"}));
  EXPECT_TRUE(store_->within_radius(ns_, unit({1.0F, 0.0F, 0.0F}), 0.0F, now()).empty());
  EXPECT_TRUE(store_->within_radius({"other", "", ""}, unit({1.0F, 0.0F}), 0.0F, now()).empty());
}

TEST_F(StoreTest, SelectingByTagAttributeAndScope) {
  const auto add = [&](const std::string& id, const std::string& scope, const std::string& conversation,
                       std::vector<std::string> tags, model::Attributes attributes) {
    ns_ = {"m", scope, conversation};
    model::PutOp op = put_of(id, "");
    op.tags = std::move(tags);
    op.attributes = std::move(attributes);
    apply(op);
  };
  add("1", "", "", {"red"}, {});
  add("2", "s", "", {"red", "blue"}, {{"k", "v"}});
  add("3", "s", "c", {"blue"}, {{"k", "v"}, {"l", "w"}});
  add("4", "t", "", {}, {{"k", "other"}});
  const auto ids = [&](const Selector& selector) {
    Ids out;
    for (const EntryRef& ref : store_->select(selector, now())) out.push_back(ref.id);
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(ids({std::nullopt, {"red"}, {}}), (Ids{"1", "2"}));
  EXPECT_EQ(ids({std::nullopt, {"red", "blue"}, {}}), (Ids{"1", "2", "3"}));
  EXPECT_EQ(ids({"s", {"red", "blue"}, {}}), (Ids{"2", "3"}));
  EXPECT_EQ(ids({"s", {}, {}}), (Ids{"2", "3"}));  // conversations of the scope included
  EXPECT_EQ(ids({std::nullopt, {}, {{"k", "v"}}}), (Ids{"2", "3"}));
  EXPECT_EQ(ids({std::nullopt, {}, {{"k", "v"}, {"l", "w"}}}), Ids{"3"});
  EXPECT_EQ(ids({std::nullopt, {"red"}, {{"k", "v"}}}), Ids{"2"});
  EXPECT_EQ(ids({"none", {}, {}}), Ids{});
}

}  // namespace
}  // namespace ferro::node::store
