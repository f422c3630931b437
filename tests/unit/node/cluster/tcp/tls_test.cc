// Who gets a frame through, and who does not.
#include <algorithm>

#include "tests/unit/node/cluster/tcp/tls_fixture.h"

namespace ferro::node::cluster {
namespace {

using fakes::make_authority;
using fakes::make_certificate;
using fakes::make_leaf;
using fakes::Pem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PeerTlsLinks : public TcpTest {
 protected:
  // A node that shows `leaf` and trusts `anchors`. Handshakes have time, however busy the machine is.
  End& add(const Pem& leaf, const std::string& anchors, int64_t handshake_timeout_ms = 60'000) {
    folders_.push_back(std::make_unique<CertificateFolder>());
    folders_.back()->trust(anchors);
    folders_.back()->identify(leaf);
    tls_.push_back(folders_.back()->open());
    TcpOptions options;
    options.tls = tls_.back().get();
    options.handshake_timeout_ms = handshake_timeout_ms;
    return *ends_.emplace_back(std::make_unique<End>(options));
  }
  // Neither side gets a frame of the other.
  static void expect_strangers(End& from, End& to) {
    const uint64_t failed = to.network->figures().handshakes_failed;
    from.connect(to.address());
    ASSERT_TRUE(from.wait([&] { return !from.down.empty(); }));
    for (const LinkId link : from.made) EXPECT_FALSE(from.send(link, "let me in"));
    while (to.network->figures().handshakes_failed == failed) std::this_thread::yield();
    EXPECT_THAT(to.accepted, IsEmpty());
    EXPECT_THAT(to.frames, IsEmpty());
    EXPECT_THAT(from.frames, IsEmpty());
  }

  const Pem authority_ = make_authority("authority"), other_authority_ = make_authority("other authority");
  std::vector<std::unique_ptr<CertificateFolder>> folders_;
  std::vector<std::unique_ptr<security::PeerTls>> tls_;
  std::vector<std::unique_ptr<End>> ends_;
};

TEST_F(PeerTlsLinks, CarryFramesOfAllSizesAndKnowThePeer) {
  End &a = add(make_leaf("a", authority_), authority_.certificate),
      &b = add(make_leaf("b", authority_), authority_.certificate);
  b.echo = true;
  const LinkId link = a.connect_to(b);
  std::vector<std::string> sent = {"greeting", ""};
  for (size_t i = 0; i < 2000; ++i) sent.emplace_back(i * 7 % 1000, static_cast<char>(i));
  for (const size_t size : {16'379U, 16'380U, 16'384U, 100'000U, 6'000'000U}) sent.emplace_back(size, 'x');
  for (size_t i = 0; i < 100; ++i) sent.emplace_back(i, static_cast<char>(i));
  a.loop.run_and_wait([&] {
    for (const std::string& frame : sent) a.network->send(link, frame);
  });
  ASSERT_TRUE(a.wait([&] { return a.frames.size() == sent.size(); }));
  EXPECT_TRUE(a.frames == sent);
  ASSERT_THAT(a.links(), SizeIs(1));
  EXPECT_EQ(a.links()[0].peer_fingerprint, tls_[1]->current()->certificate.fingerprint_sha256);
  EXPECT_EQ(b.links()[0].peer_fingerprint, tls_[0]->current()->certificate.fingerprint_sha256);
  EXPECT_EQ(a.links()[0].peer_not_after_unix, tls_[1]->current()->certificate.not_after_unix);
}

TEST_F(PeerTlsLinks, ManyRecordsWaitWhileThePeerIsBusy) {
  End &a = add(make_leaf("a", authority_), authority_.certificate),
      &b = add(make_leaf("b", authority_), authority_.certificate);
  b.keep = false;
  const LinkId link = a.connect_to(b);
  a.send(link, "greeting");
  // b's loop stands still while a fills the socket: records are cut off in the middle and taken up again.
  b.loop.run_and_wait([&] {
    a.loop.run_and_wait([&] {
      for (int i = 0; i < 200; ++i) a.network->send(link, std::string(100'000 + static_cast<size_t>(i), 'x'));
    });
    for (int i = 0; i < 500; ++i) a.send(link, std::string(static_cast<size_t>(i), 'y'));
    EXPECT_GT(a.waiting_bytes(link), 1'000'000U);
  });
  ASSERT_TRUE(b.wait([&] { return b.frames_count == 701; }));
  EXPECT_EQ(a.waiting_bytes(link), 0U);
}

TEST_F(PeerTlsLinks, ACertificateOfAnotherAuthorityGetsNothingThrough) {
  End &honest = add(make_leaf("a", authority_), authority_.certificate),
      &stranger = add(make_leaf("b", other_authority_), other_authority_.certificate);
  expect_strangers(stranger, honest);
  EXPECT_THAT(stranger.down[0].second, HasSubstr("not trusted"));
  expect_strangers(honest, stranger);
}

TEST_F(PeerTlsLinks, WhoeverRefusesTellsItsHandler) {
  End &a = add(make_leaf("a", authority_), authority_.certificate),
      &stranger = add(make_leaf("b", other_authority_), other_authority_.certificate);
  stranger.connect(a.address());
  ASSERT_TRUE(stranger.wait([&] { return !stranger.down.empty(); }));
  EXPECT_EQ(stranger.down_codes.front(), StatusCode::permission_denied);
  EXPECT_THAT(stranger.down.front().second, HasSubstr("not trusted"));
  End& known = add(make_leaf("c", other_authority_), authority_.certificate);  // trusts a, and a not it
  known.connect(a.address());
  ASSERT_TRUE(a.wait([&] {
    return std::any_of(a.strangers.begin(), a.strangers.end(), [](const auto& one) {
      return one.first == "127.0.0.1" && one.second.find("not trusted") != std::string::npos;
    });
  }));
}

TEST_F(PeerTlsLinks, AStrangerThatTrustsUsIsStillAStranger) {
  End &honest = add(make_leaf("a", authority_), authority_.certificate),
      &stranger = add(make_leaf("b", other_authority_), authority_.certificate);
  expect_strangers(stranger, honest);
}

TEST_F(PeerTlsLinks, ASelfSignedCertificateIsAStrangers) {
  End& honest = add(make_leaf("a", authority_), authority_.certificate);
  End& stranger = add(make_certificate({}), authority_.certificate);
  expect_strangers(stranger, honest);
}

TEST_F(PeerTlsLinks, ExpiredAndFutureCertificatesAreRefused) {
  End& honest = add(make_leaf("a", authority_), authority_.certificate);
  fakes::CertificateOptions expired, future;
  expired.issuer = future.issuer = &authority_;
  expired.valid_from_now_seconds = -7200;
  expired.valid_until_from_now_seconds = -3600;
  future.valid_from_now_seconds = 3600;
  future.valid_until_from_now_seconds = 7200;
  expect_strangers(add(make_certificate(expired), authority_.certificate), honest);
  expect_strangers(add(make_certificate(future), authority_.certificate), honest);
  expect_strangers(honest, add(make_certificate(expired), authority_.certificate));
}

TEST_F(PeerTlsLinks, AnIntermediateAuthorityMayBeTheAnchor) {
  fakes::CertificateOptions intermediate_options;
  intermediate_options.is_authority = true;
  intermediate_options.common_name = "intermediate";
  intermediate_options.issuer = &authority_;
  const Pem intermediate = make_certificate(intermediate_options);
  End& a = add(make_leaf("a", intermediate), intermediate.certificate);
  Pem with_chain = make_leaf("b", intermediate);
  with_chain.certificate += intermediate.certificate;
  End& b = add(with_chain, authority_.certificate + intermediate.certificate);
  a.connect_to(b);
  ASSERT_TRUE(b.wait([&] { return !b.accepted.empty(); }));
}

TEST_F(PeerTlsLinks, PlainTextAndSilenceGetNothingThrough) {
  End& honest = add(make_leaf("a", authority_), authority_.certificate, 1000);
  const RawClient plain(honest.network->port());
  plain.send(std::string("\x05\0\0\0hello", 9));
  EXPECT_TRUE(plain.read_to_end());
  const RawClient silent(honest.network->port());
  EXPECT_TRUE(silent.read_to_end());  // after the handshake's time
  while (honest.network->figures().handshakes_failed < 2) std::this_thread::yield();
  EXPECT_THAT(honest.accepted, IsEmpty());
  EXPECT_THAT(honest.frames, IsEmpty());
  EXPECT_THAT(honest.down, IsEmpty());  // nobody above has heard of them
}

TEST_F(PeerTlsLinks, APlainNodeAndATlsNodeDoNotUnderstandEachOther) {
  End& secured = add(make_leaf("a", authority_), authority_.certificate);
  End plain;
  const LinkId link = plain.connect(secured.address());
  ASSERT_TRUE(plain.wait([&] { return !plain.made.empty(); }));
  plain.send(link, "hello");
  ASSERT_TRUE(plain.wait([&] { return !plain.down.empty(); }));
  secured.connect(plain.address());
  ASSERT_TRUE(secured.wait([&] { return !secured.down.empty(); }));
  EXPECT_THAT(secured.frames, IsEmpty());
  EXPECT_THAT(plain.frames, IsEmpty());
  EXPECT_THAT(secured.made, IsEmpty());
}

TEST_F(PeerTlsLinks, ALinkWhosePeerIsNoLongerTrustedIsClosed) {
  End &a = add(make_leaf("a", authority_), authority_.certificate),
      &b = add(make_leaf("b", authority_), authority_.certificate);
  const LinkId link = a.connect_to(b);
  ASSERT_TRUE(b.wait([&] { return b.accepted.size() == 1; }));
  folders_[0]->trust(other_authority_.certificate);
  EXPECT_FALSE(*tls_[0]->poll());  // it may be half written
  EXPECT_TRUE(*tls_[0]->poll());
  ASSERT_TRUE(a.wait([&] { return !a.down.empty(); }));
  EXPECT_EQ(a.down[0].first, link);
  EXPECT_THAT(a.down[0].second, HasSubstr("not trusted"));
  EXPECT_EQ(a.network->figures().untrusted_closed, 1U);
  ASSERT_TRUE(b.wait([&] { return !b.down.empty(); }));
  b.connect(a.address());
  ASSERT_TRUE(b.wait([&] { return b.down.size() == 2; }));
  EXPECT_THAT(a.accepted, IsEmpty());
}

TEST_F(PeerTlsLinks, ANewCertificateOutdatesLinksAndANewAnchorDoesNot) {
  End &a = add(make_leaf("a", authority_), authority_.certificate),
      &b = add(make_leaf("b", authority_), authority_.certificate);
  const LinkId link = a.connect_to(b);
  folders_[0]->trust(authority_.certificate + other_authority_.certificate);
  EXPECT_TRUE(*tls_[0]->poll());
  folders_[0]->identify(make_leaf("a", authority_));
  EXPECT_TRUE(*tls_[0]->poll());
  ASSERT_TRUE(a.wait([&] { return !a.outdated.empty(); }));
  EXPECT_THAT(a.outdated, testing::ElementsAre(link));
  a.send(link, "it goes on");
  ASSERT_TRUE(b.wait([&] { return b.frames.size() == 1; }));
  EXPECT_THAT(a.down, IsEmpty());
}

}  // namespace
}  // namespace ferro::node::cluster
