#include "operator/pki/authorities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/api/names.h"
#include "tests/unit/operator/pki/pki_fixture.h"

namespace ferro::oper::pki {
namespace {

std::vector<std::string> anchors(const Authorities& held) {
  std::vector<std::string> found;
  const auto infos = inspect_all(bundle_of(held));
  for (const CertificateInfo& info : infos.value()) found.push_back(info.fingerprint);
  return found;
}
Authorities again(const Authorities& held) {
  return read_authorities(secret_of(content_of(held))).value();
}

TEST(Authorities, ReplacingOneKeepsEveryAnchorUntilItIsDropped) {
  const Authorities first = again(first_authority(terms(), 1, "", kNow).value());
  const std::string old = fingerprint(first.current->certificate);
  EXPECT_THAT(anchors(first), testing::ElementsAre(old));

  const Authorities published = again(with_next(first, terms(7), kNow + 5).value());
  const std::string young = fingerprint(published.next->certificate);
  EXPECT_THAT(anchors(published), testing::ElementsAre(old, young));
  EXPECT_EQ(published.requested, 7);
  EXPECT_EQ(published.generation, 1);
  EXPECT_EQ(published.current->key.reveal(), first.current->key.reveal());

  const Authorities in_force = again(promoted(published).value());
  EXPECT_THAT(anchors(in_force), testing::ElementsAre(young, old));
  EXPECT_EQ(in_force.generation, 2);
  EXPECT_FALSE(in_force.next);
  EXPECT_EQ(fingerprint(in_force.current->certificate), young);

  const Authorities done = again(without_previous(in_force));
  EXPECT_THAT(anchors(done), testing::ElementsAre(young));
}

TEST(Authorities, StepsOutOfOrderAreRefused) {
  const Authorities first = first_authority(terms(), 1, "", kNow).value();
  EXPECT_EQ(promoted(first).status().code(), StatusCode::failed_precondition);
  EXPECT_EQ(with_next({}, terms(), kNow).status().code(), StatusCode::failed_precondition);
  const Authorities published = with_next(first, terms(), kNow).value();
  EXPECT_EQ(with_next(published, terms(), kNow).status().code(), StatusCode::failed_precondition);
}

TEST(Authorities, AnchorsOfALostAuthorityStayTrusted) {
  const Authorities lost = first_authority(terms(), 3, "", kNow).value();
  const Authorities made = again(first_authority(terms(), 4, bundle_of(lost), kNow).value());
  EXPECT_THAT(anchors(made), testing::ElementsAre(fingerprint(made.current->certificate),
                                                  fingerprint(lost.current->certificate)));
}

TEST(Authorities, TwoReplacementsInARowLoseNoAnchor) {
  Authorities held = first_authority(terms(), 1, "", kNow).value();
  const std::string oldest = fingerprint(held.current->certificate);
  held = promoted(with_next(held, terms(), kNow).value()).value();
  held = promoted(with_next(held, terms(), kNow).value()).value();
  EXPECT_THAT(anchors(again(held)), testing::AllOf(testing::SizeIs(3), testing::Contains(oldest)));
}

TEST(Authorities, ABundleHoldsNoCertificateTwice) {
  const std::string pem = first_authority(terms(), 1, "", kNow)->current->certificate;
  EXPECT_EQ(join_bundles({pem, "rubbish", pem + pem}), pem);
}

struct Damage {
  const char* name;
  std::function<void(Json& data, const Json& other)> apply;
  const char* said;
};

TEST(Authorities, DamageIsToldByItsKey) {
  const Json other =
      secret_of(content_of(with_next(first_authority(terms(), 1, "", kNow).value(), terms(), kNow).value()));
  const std::vector<Damage> damages = {
      {"no key", [](Json& data, const Json&) { data.erase("tls.key"); }, "tls.key"},
      {"no certificate", [](Json& data, const Json&) { data.erase("tls.crt"); }, "tls.crt"},
      {"neither", [](Json& data, const Json&) { data.erase("tls.crt"), data.erase("tls.key"); },
       "no authority"},
      {"no base64", [](Json& data, const Json&) { data["tls.crt"] = "%%%"; }, "tls.crt"},
      {"no text", [](Json& data, const Json&) { data["tls.crt"] = 7; }, "tls.crt"},
      {"another's key", [](Json& data, const Json& o) { data["tls.key"] = o["data"]["tls.key"]; },
       "does not belong"},
      {"half of the next", [](Json& data, const Json& o) { data["next.crt"] = o["data"]["next.crt"]; },
       "next.key"},
      {"previous", [](Json& data, const Json&) { data["previous.crt"] = "eA=="; }, "previous.crt"},
  };
  for (const Damage& damage : damages) {
    Json secret = secret_of(content_of(first_authority(terms(), 1, "", kNow).value()));
    damage.apply(secret["data"], other);
    const auto read = read_authorities(secret);
    ASSERT_FALSE(read.ok()) << damage.name;
    EXPECT_THAT(read.status().message(), testing::HasSubstr(damage.said)) << damage.name;
    EXPECT_THAT(read.status().message(), testing::Not(testing::HasSubstr("BEGIN"))) << damage.name;
  }
}

TEST(Authorities, ALeafInPlaceOfAnAuthorityIsDamage) {
  const Authorities held = first_authority(terms(), 1, "", kNow).value();
  const Identity leaf = make_leaf({"demo-0", {"demo-0"}, kMonth}, *held.current, kNow).value();
  Authorities wrong = held;
  wrong.current = leaf;
  EXPECT_THAT(read_authorities(secret_of(content_of(wrong))).status().message(),
              testing::HasSubstr("no authority's certificate"));
}

}  // namespace
}  // namespace ferro::oper::pki
