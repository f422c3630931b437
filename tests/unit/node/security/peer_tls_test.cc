// What of the files comes into force, and when. Handshakes: tests/unit/node/cluster/tcp.
#include "node/security/peer_tls.h"

#include <gmock/gmock.h>

#include <ctime>

#include "tests/fakes/certificates.h"
#include "tests/unit/node/security/folder.h"

namespace ferro::node::security {
namespace {

using fakes::make_authority;
using fakes::make_leaf;
using fakes::Pem;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class PeerTlsTest : public InFolder {
 protected:
  void SetUp() override {
    InFolder::SetUp();
    trust(authority_.certificate);
    identify(make_leaf("first", authority_));
  }
  void trust(const std::string& anchors) { replace("ca.pem", anchors); }
  void identify(const Pem& leaf) {
    replace("node.pem", leaf.certificate);
    replace("node.key", leaf.key);
  }
  Result<std::unique_ptr<PeerTls>> open() const {
    return PeerTls::open({path("ca.pem"), path("node.pem"), path("node.key")});
  }
  static std::string fingerprint(const Pem& pem) {
    return crypto::facts_of_pem(pem.certificate)->fingerprint_sha256;
  }

  const Pem authority_ = make_authority("one"), other_ = make_authority("two");
};

TEST_F(PeerTlsTest, SaysWhatIsInForce) {
  trust(authority_.certificate + other_.certificate);
  const Pem leaf = make_leaf("node", authority_);
  identify(leaf);
  const auto tls = open();
  ASSERT_TRUE(tls.ok()) << tls.status().to_string();
  const auto in_force = (*tls)->current();
  EXPECT_EQ(in_force->certificate.fingerprint_sha256, fingerprint(leaf));
  EXPECT_EQ(in_force->certificate.subject, "CN=node");
  EXPECT_NEAR(static_cast<double>(in_force->certificate.not_after_unix),
              static_cast<double>(std::time(nullptr) + 3600), 5.0);
  ASSERT_THAT(in_force->anchors, SizeIs(2));
  EXPECT_EQ(in_force->anchors[0].fingerprint_sha256, fingerprint(authority_));
  EXPECT_EQ(in_force->anchors[1].fingerprint_sha256, fingerprint(other_));
  EXPECT_EQ(in_force->generation, 1U);
}

TEST_F(PeerTlsTest, ErrorsNameTheFileAndNeverItsContent) {
  const Pem other = make_leaf("other", other_);
  const std::pair<const char*, std::string> cases[] = {
      {"ca.pem", ""},
      {"ca.pem", "no certificate"},
      {"ca.pem", authority_.certificate + other_.certificate.substr(0, 200)},
      {"node.pem", ""},
      {"node.pem", other.certificate},
      {"node.key", other.key},
      {"node.key", "secret words"},
  };
  for (const auto& [file, content] : cases) {
    trust(authority_.certificate);
    identify(make_leaf("first", authority_));
    replace(file, content);
    const auto tls = open();
    ASSERT_FALSE(tls.ok()) << file;
    EXPECT_THAT(tls.status().message(), HasSubstr("cluster.tls"));
    EXPECT_THAT(tls.status().message(), testing::AnyOf(HasSubstr(path(file)), HasSubstr(path("node.key"))));
    EXPECT_THAT(tls.status().message(), Not(HasSubstr("secret words")));
  }
  std::filesystem::remove(path("ca.pem"));
  EXPECT_EQ(open().status().code(), StatusCode::not_found);
}

TEST_F(PeerTlsTest, AReplacedPairComesIntoForceOnceItIsWhole) {
  const auto tls = std::move(*open());
  EXPECT_FALSE(*tls->poll());
  const auto before = tls->current();
  const Pem next = make_leaf("next", authority_);
  replace("node.pem", next.certificate);
  EXPECT_FALSE(tls->poll().ok());
  EXPECT_TRUE(tls->last_poll_failed());
  EXPECT_EQ(tls->current(), before);
  replace("node.key", next.key);
  EXPECT_TRUE(*tls->poll());
  EXPECT_FALSE(tls->last_poll_failed());
  EXPECT_EQ(tls->current()->certificate.subject, "CN=next");
  EXPECT_EQ(tls->current()->generation, 2U);
  EXPECT_EQ(before->certificate.subject, "CN=first");
}

TEST_F(PeerTlsTest, AnAddedAuthorityIsTrustedAtOnce) {
  const auto tls = std::move(*open());
  trust(authority_.certificate + other_.certificate);
  EXPECT_TRUE(*tls->poll());
  EXPECT_THAT(tls->current()->anchors, SizeIs(2));
}

TEST_F(PeerTlsTest, AShorterBundleIsBelievedWhenSeenTwice) {
  trust(authority_.certificate + other_.certificate);
  const auto tls = std::move(*open());
  trust(other_.certificate);
  EXPECT_FALSE(*tls->poll());
  EXPECT_THAT(tls->current()->anchors, SizeIs(2));
  EXPECT_TRUE(*tls->poll());
  EXPECT_THAT(tls->current()->anchors, SizeIs(1));
}

TEST_F(PeerTlsTest, ABundleCutBetweenTwoCertificatesWhileItIsWrittenIsNeverInForce) {
  trust(authority_.certificate + other_.certificate);
  const auto tls = std::move(*open());
  const Pem third = make_authority("three");
  trust(authority_.certificate);  // the first half of what is being written
  EXPECT_FALSE(*tls->poll());
  trust(authority_.certificate + other_.certificate + third.certificate);
  EXPECT_TRUE(*tls->poll());
  EXPECT_THAT(tls->current()->anchors, SizeIs(3));
}

}  // namespace
}  // namespace ferro::node::security
