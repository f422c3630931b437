#include "operator/pki/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pki/tokens.h"
#include "tests/unit/operator/pki/pki_fixture.h"

namespace ferro::oper::pki {
namespace {

Leaves leaves_by(const Identity& authority, std::vector<int64_t> ordinals, Leaves held = {}) {
  return with_leaves(held, ordinals, 100, authority, "demo", "shop", kMonth, kNow).value();
}
plan::PkiView view(const Authorities& held, const Leaves& leaves) {
  const Json ca = secret_of(content_of(held)), trust = trust_of(held),
             tls = secret_of(content_of(leaves, "demo"));
  return view_authorities("demo", "shop", &ca, &trust, &tls);
}

TEST(View, NothingIsThereAtFirst) {
  const plan::PkiView seen = view_authorities("demo", "shop", nullptr, nullptr, nullptr);
  EXPECT_FALSE(seen.current);
  EXPECT_TRUE(seen.damaged.empty());
  EXPECT_FALSE(view_tokens(nullptr, false).exists);
}

TEST(View, LeavesKnowTheirIssuerThroughAReplacement) {
  const Authorities first = first_authority(terms(), 1, "", kNow).value();
  const std::string old = fingerprint(first.current->certificate);
  Leaves leaves = leaves_by(*first.current, {0, 1});
  plan::PkiView seen = view(first, leaves);
  EXPECT_EQ(seen.current->fingerprint, old);
  EXPECT_EQ(seen.leaves.at(1).issuer_fingerprint, old);
  EXPECT_EQ(seen.leaves.at(1).not_after_unix, kNow + kMonth);
  EXPECT_TRUE(seen.leaves.at(1).names_match);

  const Authorities after = promoted(with_next(first, terms(3), kNow).value()).value();
  const std::string young = fingerprint(after.current->certificate);
  leaves = leaves_by(*after.current, {1}, leaves);
  seen = view(after, leaves);
  EXPECT_EQ(seen.current->generation, 2);
  EXPECT_EQ(seen.previous->fingerprint, old);
  EXPECT_EQ(seen.leaves.at(0).issuer_fingerprint, old);
  EXPECT_EQ(seen.leaves.at(1).issuer_fingerprint, young);
  EXPECT_THAT(seen.published, testing::ElementsAre(young, old));
  EXPECT_EQ(seen.replaced_generation, 3);
}

TEST(View, ALeafOfAStrangerHasNoIssuer) {
  const Authorities ours = first_authority(terms(), 1, "", kNow).value();
  const Authorities others = first_authority(terms(), 1, "", kNow).value();
  EXPECT_EQ(view(ours, leaves_by(*others.current, {0})).leaves.at(0).issuer_fingerprint, "");
}

TEST(View, NamesOfTheClusterAreCompared) {
  const Authorities held = first_authority(terms(), 1, "", kNow).value();
  Leaves leaves;
  leaves.by_ordinal.emplace(
      0, make_leaf({"demo-0", {"demo-0", "localhost"}, kMonth}, *held.current, kNow).value());
  EXPECT_FALSE(view(held, leaves).leaves.at(0).names_match);
}

TEST(View, ADamagedAuthorityIsToldAndADamagedLeafIsMadeAgain) {
  const Authorities held = first_authority(terms(), 1, "", kNow).value();
  Json ca = secret_of(content_of(held)), trust = trust_of(held);
  Json tls = secret_of(content_of(leaves_by(*held.current, {0, 1}), "demo"));
  ca["data"]["tls.key"] = "eA==";
  tls["data"]["demo-0.key"] = tls["data"]["demo-1.key"];
  trust["data"]["ca.crt"] = "eA==";
  const plan::PkiView seen = view_authorities("demo", "shop", &ca, &trust, &tls);
  EXPECT_THAT(seen.damaged, testing::StartsWith("demo-ca: "));
  EXPECT_FALSE(seen.current);
  EXPECT_TRUE(seen.published.empty());
  EXPECT_EQ(seen.leaves.count(0), 0U);
  EXPECT_EQ(seen.leaves.count(1), 1U);
}

TEST(View, LeavesBeyondTheMembersGo) {
  const Authorities held = first_authority(terms(), 1, "", kNow).value();
  const Leaves five = leaves_by(*held.current, {0, 1, 2, 3, 4});
  const Leaves three = with_leaves(five, {0}, 3, *held.current, "demo", "shop", kMonth, kNow).value();
  EXPECT_EQ(three.by_ordinal.size(), 3U);
  EXPECT_NE(three.by_ordinal.at(0).certificate, five.by_ordinal.at(0).certificate);
  EXPECT_EQ(three.by_ordinal.at(2).certificate, five.by_ordinal.at(2).certificate);
}

TEST(View, OfTokens) {
  const Tokens tokens =
      switched(minted(minted({}, 1, 0, kNow).value(), 2, 4, kNow + 1).value(), kNow + 2).value();
  const Json secret = secret_of(content_of(tokens));
  const plan::TokenView seen = view_tokens(&secret, false);
  EXPECT_TRUE(seen.exists);
  EXPECT_EQ(seen.current_generation, 2);
  EXPECT_EQ(seen.previous_generation, 1);
  EXPECT_EQ(seen.minted_unix, kNow + 1);
  EXPECT_EQ(seen.switched_unix, kNow + 2);
  EXPECT_EQ(seen.rotated_generation, 4);
  EXPECT_FALSE(view_tokens(&secret, true).damaged.size());
  const Json empty = Json::object();
  EXPECT_FALSE(view_tokens(&empty, false).damaged.empty());
}

}  // namespace
}  // namespace ferro::oper::pki
