#include "operator/pki/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "operator/pki/openssl.h"
#include "tests/unit/operator/pki/pki_fixture.h"

namespace ferro::oper::pki {
namespace {

Identity authority(int64_t generation = 1, int64_t now = kNow) {
  return make_authority({"shop", "demo", generation, kYear}, now).value();
}
Identity leaf(const Identity& issuer, int64_t now = kNow) {
  return make_leaf({"demo-0", leaf_names("demo", "shop", 0), kMonth}, issuer, now).value();
}

// As a node or the operator judges it: chain, purpose, name and time.
int verdict(const std::string& leaf_pem, const std::string& anchors, const char* purpose, const char* host,
            int64_t at) {
  auto leaves = read_certificates(leaf_pem).value();
  auto trusted = read_certificates(anchors).value();
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  for (const auto& anchor : trusted) X509_STORE_add_cert(store.get(), anchor.get());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> judge(X509_STORE_CTX_new(),
                                                                              X509_STORE_CTX_free);
  X509_STORE_CTX_init(judge.get(), store.get(), leaves.front().get(), nullptr);
  X509_STORE_CTX_set_default(judge.get(), purpose);
  X509_VERIFY_PARAM* const wanted = X509_STORE_CTX_get0_param(judge.get());
  X509_VERIFY_PARAM_set_time(wanted, at);
  if (host != nullptr) X509_VERIFY_PARAM_set1_host(wanted, host, 0);
  X509_verify_cert(judge.get());
  return X509_STORE_CTX_get_error(judge.get());
}

TEST(Certificate, AnAuthorityIsValidFromFiveMinutesAgo) {
  const CertificateInfo info = inspect(authority().certificate).value();
  EXPECT_TRUE(info.is_authority);
  EXPECT_EQ(info.not_before_unix, kNow - 300);
  EXPECT_EQ(info.not_after_unix, kNow + kYear);
}

TEST(Certificate, ALeafServesAndAsksUnderEveryName) {
  const Identity ca = authority();
  const Identity made = leaf(ca);
  for (const char* host : {"demo-0", "demo-0.demo-nodes", "demo-0.demo-nodes.shop",
                           "demo-0.demo-nodes.shop.svc", "demo-0.demo-nodes.shop.svc.cluster.local", "demo",
                           "demo.shop", "demo.shop.svc", "demo.shop.svc.cluster.local", "localhost"}) {
    EXPECT_EQ(verdict(made.certificate, ca.certificate, "ssl_server", host, kNow), X509_V_OK) << host;
  }
  EXPECT_EQ(verdict(made.certificate, ca.certificate, "ssl_client", nullptr, kNow), X509_V_OK);
  EXPECT_EQ(verdict(made.certificate, ca.certificate, "ssl_server", "demo-1.demo-nodes.shop.svc", kNow),
            X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST(Certificate, ALeafEndsWithItsTime) {
  const Identity ca = authority();
  const Identity made = leaf(ca);
  EXPECT_EQ(verdict(made.certificate, ca.certificate, "ssl_server", "demo-0", kNow + kMonth + 1),
            X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(verdict(made.certificate, ca.certificate, "ssl_server", "demo-0", kNow - 301),
            X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST(Certificate, AnAuthorityOfTheSameNameIsNoSubstitute) {
  // Both have one subject: the Secret was deleted and the first generation made again.
  const Identity first = authority(), second = authority();
  const Identity made = leaf(first);
  EXPECT_NE(verdict(made.certificate, second.certificate, "ssl_server", "demo-0", kNow), X509_V_OK);
  EXPECT_EQ(verdict(made.certificate, second.certificate + first.certificate, "ssl_server", "demo-0", kNow),
            X509_V_OK);
  EXPECT_TRUE(is_signed_by(made.certificate, first.certificate));
  EXPECT_FALSE(is_signed_by(made.certificate, second.certificate));
}

TEST(Certificate, ALeafSignsNothing) {
  const Identity ca = authority();
  const Identity made = leaf(ca);
  const Identity forged = make_leaf({"demo-1", {"demo-1"}, kMonth}, made, kNow).value();
  EXPECT_NE(verdict(forged.certificate, ca.certificate + made.certificate, "ssl_server", "demo-1", kNow),
            X509_V_OK);
}

TEST(Certificate, LongNamesAreKeptWhereTheyCount) {
  const std::string cluster(50, 'c'), ns(63, 'n');
  const Identity ca = make_authority({ns, cluster, 1, kYear}, kNow).value();
  const auto names = leaf_names(cluster, ns, 99);
  const Identity made = make_leaf({cluster + "-99-and-more-than-64-bytes", names, kMonth}, ca, kNow).value();
  EXPECT_EQ(inspect(made.certificate)->dns_names, names);
}

TEST(Certificate, AKeyOfAnotherIsRefused) {
  const Identity ca = authority();
  EXPECT_FALSE(check_pair(leaf(ca).certificate, leaf(ca).key).ok());
  const Identity mixed{ca.certificate, authority().key};
  const auto made = make_leaf({"demo-0", {}, kMonth}, mixed, kNow);
  EXPECT_EQ(made.status().code(), StatusCode::invalid_argument);
  EXPECT_THAT(made.status().message(), testing::HasSubstr("does not belong"));
}

TEST(Certificate, TextsThatAreNoneAreRefused) {
  for (const std::string text : {"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_EQ(inspect(text).status().code(), StatusCode::invalid_argument) << text;
  }
  EXPECT_FALSE(inspect_all(authority().certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n").ok());
  EXPECT_FALSE(inspect(std::string(kPemBytesMax + 1, 'x')).ok());
}

TEST(Certificate, NoTimeIsNoCertificate) {
  EXPECT_EQ(make_authority({"shop", "demo", 1, 0}, kNow).status().code(), StatusCode::invalid_argument);
}

}  // namespace
}  // namespace ferro::oper::pki
