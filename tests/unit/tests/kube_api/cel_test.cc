#include "tests/fakes/kube_api/cel.h"

#include <gtest/gtest.h>

namespace ferro::fakes::kube::cel {
namespace {

Verdict verdict(const std::string& rule, const Json& self = Json::object(), const Json* old = nullptr) {
  const Outcome outcome = evaluate(rule, self, old);
  if (outcome.verdict == Verdict::broken) ADD_FAILURE() << rule << ": " << outcome.error;
  return outcome.verdict;
}
bool holds(const std::string& rule, const Json& self = Json::object(), const Json* old = nullptr) {
  return verdict(rule, self, old) == Verdict::holds;
}

TEST(Cel, LiteralsOperatorsAndPrecedence) {
  EXPECT_TRUE(holds("1 + 2 * 3 == 7"));
  EXPECT_TRUE(holds("(1 + 2) * 3 == 9 && !(2 > 3) || false"));
  EXPECT_TRUE(holds("'a' + \"b\" == 'ab'"));
  EXPECT_TRUE(holds("2 in [1, 2] && !(3 in [1, 2])"));
  EXPECT_TRUE(holds("true ? 1 < 2 : 1 > 2"));
  EXPECT_TRUE(holds("-1 < 0 && 7 % 4 == 3 && 7 / 2 == 3"));
  EXPECT_FALSE(holds("1 == 2"));
}

TEST(Cel, FieldsHasAndMaps) {
  const Json self = {{"a", {{"b", 1}}}, {"m", {{"x", "1"}, {"y.z", "2"}}}, {"l", {1, 2, 3}}};
  EXPECT_TRUE(holds("self.a.b == 1 && has(self.a) && !has(self.c) && !has(self.a.c)", self));
  EXPECT_TRUE(holds("'y.z' in self.m && self.m['y.z'] == '2' && self.l[1] == 2", self));
  EXPECT_TRUE(holds("self.m.all(k, k in ['x', 'y.z']) && self.m.exists(k, k == 'x')", self));
  EXPECT_TRUE(holds("self.l.filter(i, i > 1).size() == 2 && self.l.map(i, i * 2)[2] == 6", self));
  EXPECT_TRUE(holds("self.l.exists_one(i, i == 3) && size(self.l) == 3", self));
}

TEST(Cel, Functions) {
  EXPECT_TRUE(
      holds("'abc'.startsWith('a') && 'abc'.endsWith('c') && 'abc'.contains('b') && 'abc'.matches('^a.c$')"));
  EXPECT_TRUE(
      holds("duration('1h30m') == duration('90m') && duration('1m') + duration('1m') < duration('121s')"));
  EXPECT_TRUE(holds("quantity('1Gi').compareTo(quantity('1024Mi')) == 0"));
  EXPECT_TRUE(holds(
      "quantity('1500m').isLessThan(quantity('2')) && quantity(string(2)).isGreaterThan(quantity('1'))"));
}

TEST(Cel, ARawTextKeepsItsBackslashes) {
  EXPECT_TRUE(
      holds(R"(r'a\b' == "a\\b" && '1.5'.matches(r'^[0-9]\.[0-9]$') && !'1x5'.matches(r'^[0-9]\.[0-9]$'))"));
}

TEST(Cel, AnErrorOnOneSideIsForgivenIfTheOtherDecides) {
  EXPECT_TRUE(holds("self.missing == 1 || true"));
  EXPECT_FALSE(holds("self.missing == 1 && false"));
  EXPECT_EQ(evaluate("self.missing == 1 || false", Json::object(), nullptr).verdict, Verdict::broken);
}

TEST(Cel, TransitionsNeedAnOldSelf) {
  const Json old = {{"size", "1Gi"}}, now = {{"size", "2Gi"}};
  const std::string rule = "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0";
  EXPECT_EQ(evaluate(rule, now, nullptr).verdict, Verdict::does_not_apply);
  EXPECT_TRUE(holds(rule, now, &old));
  EXPECT_FALSE(holds(rule, old, &now));
}

TEST(Cel, WhatIsNotKnownIsBrokenAndNotTrue) {
  for (const char* rule :
       {"self.unknownFunction()", "1 +", "foo == 1", "'a' < 1", "self", "[1", "'open", "1 == 1 extra",
        "duration('1x') == duration('1s')", "quantity('x').compareTo(quantity('1')) > 0"}) {
    EXPECT_EQ(evaluate(rule, Json::object(), nullptr).verdict, Verdict::broken) << rule;
  }
}

}  // namespace
}  // namespace ferro::fakes::kube::cel
