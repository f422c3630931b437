#include "node/metrics/namespace_labels.h"
#include "tests/fakes/seed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace ferro::node::metrics {
namespace {

using store::BaseTotals;
using store::NamespaceCounters;

BaseTotals base(const std::string& model, uint64_t number, uint64_t inserts, uint64_t entries = 0) {
  BaseTotals totals;
  totals.key = {model, "", ""};
  totals.number = number;
  totals.entries = entries;
  totals.counters.inserts = inserts;
  return totals;
}

using Shown = std::map<std::string, uint64_t>;  // inserts by label

Shown inserts_of(const std::vector<NamespaceLabels::Series>& series) {
  Shown shown;
  for (const auto& one : series)
    EXPECT_TRUE(shown.emplace(one.label, one.counters.inserts).second) << one.label;
  return shown;
}

TEST(NamespaceLabels, EveryNamespaceWhileThereIsRoom) {
  NamespaceLabels labels(3);
  EXPECT_TRUE(labels.update({}, {}).empty());
  const auto series = labels.update({base("m::4", 1, 5, 3), {{"m::4", "tenant", ""}, 2, 1, {}}}, {});
  EXPECT_EQ(inserts_of(series), (Shown{{"m::4", 5}, {"m::4::tenant", 0}}));
  EXPECT_EQ(series[0].entries, 3U);
  EXPECT_EQ(series[1].entries, 1U);
}

TEST(NamespaceLabels, TheRestIsOther) {
  NamespaceLabels labels(2);
  const auto series =
      labels.update({base("a", 1, 1, 10), base("b", 2, 5, 20), base("c", 3, 3, 30), base("d", 4, 2, 40)}, {});
  EXPECT_EQ(inserts_of(series), (Shown{{"b", 5}, {"c", 3}, {"_other", 3}}));
  EXPECT_EQ(series.back().label, "_other");
  EXPECT_EQ(series.back().entries, 50U);
}

TEST(NamespaceLabels, NoLabelsAtAll) {
  NamespaceLabels labels(0);
  EXPECT_EQ(inserts_of(labels.update({}, {})), (Shown{{"_other", 0}}));
  EXPECT_EQ(inserts_of(labels.update({base("a", 1, 1), base("b", 2, 5)}, {})), (Shown{{"_other", 6}}));
}

TEST(NamespaceLabels, OneThatRisesStartsAtZeroAndOtherKeepsWhatItHad) {
  NamespaceLabels labels(1);
  EXPECT_EQ(inserts_of(labels.update({base("a", 1, 10), base("b", 2, 4)}, {})),
            (Shown{{"a", 10}, {"_other", 4}}));
  // b overtakes: its 4 + 16 stay in _other, and so do a's 10.
  EXPECT_EQ(inserts_of(labels.update({base("a", 1, 10), base("b", 2, 20)}, {})),
            (Shown{{"b", 0}, {"_other", 30}}));
  EXPECT_EQ(inserts_of(labels.update({base("a", 1, 10), base("b", 2, 25)}, {})),
            (Shown{{"b", 5}, {"_other", 30}}));
}

TEST(NamespaceLabels, AlmostEqualsDoNotSwap) {
  NamespaceLabels labels(1);
  EXPECT_EQ(inserts_of(labels.update({base("a", 1, 100), base("b", 2, 99)}, {})),
            (Shown{{"a", 100}, {"_other", 99}}));
  EXPECT_EQ(inserts_of(labels.update({base("a", 1, 100), base("b", 2, 105)}, {})),
            (Shown{{"a", 100}, {"_other", 105}}));
  EXPECT_EQ(inserts_of(labels.update({base("a", 1, 100), base("b", 2, 111)}, {})),
            (Shown{{"b", 0}, {"_other", 211}}));
}

TEST(NamespaceLabels, OneThatIsGoneRestsUntilItsPlaceIsNeeded) {
  NamespaceLabels labels(2);
  labels.update({base("a", 1, 10, 7), base("b", 2, 4)}, {});
  NamespaceCounters forgotten;
  forgotten.inserts = 12;  // two more before it went
  const auto series = labels.update({base("b", 2, 5)}, forgotten);
  EXPECT_EQ(inserts_of(series), (Shown{{"a", 10}, {"b", 5}, {"_other", 2}}));
  EXPECT_EQ(series[0].entries, 0U);
  EXPECT_EQ(inserts_of(labels.update({base("b", 2, 5), base("c", 3, 1)}, forgotten)),
            (Shown{{"b", 5}, {"c", 1}, {"_other", 12}}));
}

TEST(NamespaceLabels, OneThatComesBackGoesOnWhereItWas) {
  NamespaceLabels labels(2);
  labels.update({base("a", 1, 10)}, {});
  NamespaceCounters forgotten;
  forgotten.inserts = 10;
  EXPECT_EQ(inserts_of(labels.update({base("a", 2, 3)}, forgotten)), (Shown{{"a", 13}}));
  EXPECT_EQ(inserts_of(labels.update({base("a", 2, 4)}, forgotten)), (Shown{{"a", 14}}));
}

// Random lives of many namespaces: no series that two scrapes in a row show decreases, all add up to what was
// counted, and there are never more labels than allowed.
TEST(NamespaceLabels, NeverDecreaseAndAlwaysAddUp) {
  const auto seed = static_cast<unsigned>(fakes::test_seed());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const size_t labels_max : {size_t{0}, size_t{1}, size_t{5}, size_t{50}}) {
    NamespaceLabels labels(labels_max);
    std::map<std::string, BaseTotals> alive;
    NamespaceCounters forgotten;
    uint64_t number = 0, counted = 0, entries = 0;
    Shown before;
    for (int scrape = 0; scrape < 400; ++scrape) {
      for (uint64_t change = random() % 20; change > 0; --change) {
        const std::string model = "m" + std::to_string(random() % 20);
        const auto at = alive.find(model);
        if (at != alive.end() && random() % 10 == 0) {
          forgotten += at->second.counters;
          entries -= at->second.entries;
          alive.erase(at);
          continue;
        }
        if (at == alive.end()) alive.emplace(model, base(model, ++number, 0));
        BaseTotals& totals = alive.at(model);
        const uint64_t more = random() % (random() % 5 == 0 ? 1000 : 10);
        totals.counters.inserts += more;
        totals.counters.queries_miss += more;
        counted += more;
        ++totals.entries;
        ++entries;
      }
      std::vector<BaseTotals> bases;
      for (const auto& [name, totals] : alive) bases.push_back(totals);
      std::shuffle(bases.begin(), bases.end(), random);
      const auto series = labels.update(bases, forgotten);
      const Shown now = inserts_of(series);
      uint64_t sum = 0, sum_entries = 0, own_labels = 0;
      for (const auto& one : series) {
        sum += one.counters.inserts;
        sum_entries += one.entries;
        own_labels += one.label == NamespaceLabels::kOther ? 0U : 1U;
        ASSERT_EQ(one.counters.inserts, one.counters.queries_miss);
        const auto earlier = before.find(one.label);
        if (earlier != before.end()) {
          ASSERT_GE(one.counters.inserts, earlier->second) << one.label << " in scrape " << scrape;
        }
      }
      ASSERT_EQ(sum, counted);
      ASSERT_EQ(sum_entries, entries);
      ASSERT_LE(own_labels, labels_max);
      if (before.contains("_other")) {
        ASSERT_TRUE(now.contains("_other"));
      }
      before = now;
    }
  }
}

TEST(NamespaceLabels, AHundredThousandNamespaces) {
  std::vector<BaseTotals> bases;
  for (uint64_t i = 0; i < 100'000; ++i) bases.push_back(base("m" + std::to_string(i), i + 1, i, 1));
  NamespaceLabels labels(100);
  for (int scrape = 0; scrape < 3; ++scrape) {
    const auto series = labels.update(bases, {});
    ASSERT_EQ(series.size(), 101U);
    EXPECT_EQ(series.back().entries, 99'900U);
    EXPECT_EQ(series.front().label, "m99900");
  }
}

}  // namespace
}  // namespace ferro::node::metrics
