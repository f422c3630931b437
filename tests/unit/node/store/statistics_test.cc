#include "tests/unit/node/store/fixture.h"

namespace ferro::node::store {
namespace {

using StatisticsTest = StoreFixture;

TEST_F(StatisticsTest, FiguresOfOneNamespace) {
  const int64_t start = now();
  put("a", "first");
  clock_.advance_ms(1000);
  put("b", "second", {0.0F, 1.0F});
  clock_.advance_ms(1000);
  put("c", "third", {0.0F, 1.0F});
  hits("first");
  hits("first");
  hits("", {0.0F, 1.0F}, 0.9F, 10);
  hits("nothing", {-1.0F, 0.0F});
  const auto stats = store_->namespace_stats(ns_, now());
  ASSERT_TRUE(stats.has_value());
  EXPECT_EQ(stats->key, ns_);
  EXPECT_EQ(stats->entry_count, 3U);
  EXPECT_EQ(stats->dimension, 2U);
  EXPECT_EQ(stats->oldest_entry_ms, start);
  EXPECT_EQ(stats->newest_entry_ms, start + 2000);
  EXPECT_EQ(stats->total_accesses, 4U);
  EXPECT_EQ(stats->index_kind, "flat");
  EXPECT_GT(stats->bytes, 3 * (2 * sizeof(float)));
  EXPECT_LE(stats->bytes, store_->memory_bytes());
  EXPECT_EQ(stats->counters.inserts, 3U);
  EXPECT_EQ(stats->counters.queries_hit, 3U);
  EXPECT_EQ(stats->counters.queries_miss, 1U);
  EXPECT_EQ(stats->counters.exact_match_hits, 2U);
  remove("a");
  EXPECT_EQ(store_->namespace_stats(ns_, now())->oldest_entry_ms, start + 1000);
  remove("c");
  EXPECT_EQ(store_->namespace_stats(ns_, now())->newest_entry_ms, start + 1000);
  EXPECT_FALSE(store_->namespace_stats({"other", "", ""}, now()).has_value());
}

// They were left out as if they were another shard's, on a node alone too.
TEST_F(StatisticsTest, WhatHasExpiredTakesItsBytesUntilItIsReaped) {
  put("a", "first");
  put_for("b", "second", 1000, {0.0F, 1.0F});
  const uint64_t both = store_->namespace_stats(ns_, now())->bytes;
  clock_.advance_ms(1000);
  EXPECT_EQ(store_->namespace_stats(ns_, now())->entry_count, 1U);
  EXPECT_EQ(store_->namespace_stats(ns_, now())->bytes, both);
}

TEST_F(StatisticsTest, EveryKindOfEndHasItsCounter) {
  put("stays", "");
  put("a", "");
  put("b", "");
  put("c", "");
  put_for("d", "", 10);
  put_for("e", "", 10);
  remove("a", model::DeleteReason::requested);
  remove("b", model::DeleteReason::invalidated);
  remove("c", model::DeleteReason::evicted);
  clock_.advance_ms(10);
  const ApplyResult expired = remove("d", model::DeleteReason::requested);
  EXPECT_EQ(expired.outcome, ApplyOutcome::removed);
  EXPECT_EQ(expired.removed, 0U);
  store_->reap_expired(now(), 10);
  const NamespaceCounters counters = store_->namespace_stats(ns_, now())->counters;
  EXPECT_EQ(counters.deletions, 1U);
  EXPECT_EQ(counters.invalidations, 1U);
  EXPECT_EQ(counters.evictions, 1U);
  EXPECT_EQ(counters.expirations, 2U);
}

TEST_F(StatisticsTest, CountersStartWhenRecoveryIsOver) {
  put("a", "");
  put("b", "");
  remove("b");
  store_->start_counting();
  const auto stats = store_->namespace_stats(ns_, now());
  EXPECT_EQ(stats->counters.inserts, 0U);
  EXPECT_EQ(stats->counters.deletions, 0U);
  EXPECT_EQ(stats->entry_count, 1U);
}

TEST_F(StatisticsTest, AMissThatIsNotCountedLeavesTheCounterAlone) {
  put("a", "");
  QueryRequest request;
  request.ns = ns_;
  const std::vector<float> across = unit(elsewhere());
  request.unit_vector = across;
  request.now_ms = now();
  ASSERT_TRUE(store_->query(request, false).ok());
  EXPECT_EQ(store_->namespace_stats(ns_, now())->counters.queries_miss, 0U);
  ASSERT_TRUE(store_->query(request, true).ok());
  EXPECT_EQ(store_->namespace_stats(ns_, now())->counters.queries_miss, 1U);
}

BaseTotals base_of(const Store& store, const std::string& name, int64_t now_ms) {
  NamespaceCounters forgotten;
  for (const BaseTotals& totals : store.base_totals(now_ms, forgotten)) {
    if (model::printed_name(totals.key) == name) return totals;
  }
  ADD_FAILURE() << "no base " << name;
  return {};
}

TEST_F(StatisticsTest, BaseTotalsFoldConversationsAndOutliveThem) {
  hits("", {1.0F, 0.0F});  // nothing is there yet: a miss of m::2
  put("a", "");
  ns_.conversation = "7";
  put("b", "");
  put_for("c", "", 10);
  EXPECT_EQ(base_of(*store_, "m::2", now()).entries, 3U);
  EXPECT_EQ(base_of(*store_, "m::2", now() + 10).entries, 2U);
  EXPECT_EQ(base_of(*store_, "m::2", now()).entries, 3U);
  remove("b");
  clock_.advance_ms(10);
  store_->reap_expired(now(), 10);
  ns_.conversation.clear();
  remove("a");
  const BaseTotals totals = base_of(*store_, "m::2", now());
  EXPECT_EQ(store_->namespace_count(), 0U);
  EXPECT_EQ(totals.entries, 0U);
  EXPECT_EQ(totals.counters.queries_miss, 1U);
  EXPECT_EQ(totals.counters.inserts, 3U);
  EXPECT_EQ(totals.counters.deletions, 2U);
  EXPECT_EQ(totals.counters.expirations, 1U);
  put("a", "", {1.0F, 0.0F, 0.0F});  // again, of another dimension
  EXPECT_EQ(base_of(*store_, "m::2", now()).counters.inserts, 4U);
}

TEST_F(StatisticsTest, NamespacesAreListedByNameInPages) {
  const std::vector<std::string> names = {"a::1", "a::1::s", "a::1::s::conv_1", "a::1::t", "b::1", "b:c"};
  for (size_t i = names.size(); i-- > 0;) {
    ns_ = *model::parse_printed_name(names[i]);
    put("id", "", {1.0F});
  }
  ns_ = {"a::2", "", ""};
  put_for("id", "", 10, {1.0F});
  clock_.advance_ms(10);  // nobody lives there any more
  const auto list = [&](std::string_view prefix, std::string_view after, size_t limit) {
    Ids out;
    for (const auto& stats : store_->namespaces(now(), prefix, after, limit)) {
      out.push_back(model::printed_name(stats.key));
    }
    return out;
  };
  EXPECT_EQ(list("", "", 100), names);
  EXPECT_EQ(list("", "", 2), (Ids{"a::1", "a::1::s"}));
  EXPECT_EQ(list("", "a::1::s", 2), (Ids{"a::1::s::conv_1", "a::1::t"}));
  EXPECT_EQ(list("a::1::s", "", 100), (Ids{"a::1::s", "a::1::s::conv_1"}));
  EXPECT_EQ(list("a::1::s", "a::1::s", 100), Ids{"a::1::s::conv_1"});
  EXPECT_EQ(list("a", "b", 100), Ids{});
  EXPECT_EQ(list("b", "a::1", 1), Ids{"b::1"});
  EXPECT_EQ(list("z", "", 100), Ids{});
  EXPECT_EQ(list("", "", 0), Ids{});
  EXPECT_EQ(store_->namespace_count(), names.size() + 1);
  store_->reap_expired(now(), 10);
  EXPECT_EQ(store_->namespace_count(), names.size());
}

TEST_F(StatisticsTest, ListingsPassOverManyNamespacesWithoutLiveEntries) {
  for (int i = 0; i < 700; ++i) {
    ns_.scope = std::to_string(1000 + i);
    put_for("id", "", i == 650 ? 1000 : 10);
  }
  clock_.advance_ms(10);
  const auto listed = store_->namespaces(now(), "", "", 5);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].key.scope, "1650");
}

TEST_F(StatisticsTest, TheMostReadEntriesOfEachNamespace) {
  for (int i = 0; i < 30; ++i) {
    const std::string id = std::to_string(i);
    put(id, "question " + id + std::string(60, 'x'));
    for (int j = 0; j < i; ++j) hits("question " + id + std::string(60, 'x'), elsewhere());
  }
  ns_.scope = "z";
  put("lonely", "\u00e9\u00e9\u00e9");
  const auto top = store_->top_entries(now(), 3, 10);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].first, "m::2");
  ASSERT_EQ(top[0].second.size(), 3U);
  EXPECT_EQ(top[0].second[0].id, "29");
  EXPECT_EQ(top[0].second[0].access_count, 29U);
  EXPECT_EQ(top[0].second[0].last_accessed_at_ms, now());
  EXPECT_EQ(top[0].second[0].query_text_preview, ("question 29" + std::string(60, 'x')).substr(0, 50));
  EXPECT_EQ(top[0].second[1].id, "28");
  EXPECT_EQ(top[0].second[2].id, "27");
  EXPECT_EQ(top[1].first, "m::2::z");
  EXPECT_EQ(top[1].second[0].query_text_preview, "\u00e9\u00e9\u00e9");
  EXPECT_EQ(store_->top_entries(now(), 3, 1).size(), 1U);
}

}  // namespace
}  // namespace ferro::node::store
