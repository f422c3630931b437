// The transport's TLS: whom it trusts, as whom it appears, and that replaced certificates need no restart.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/fakes/temp_folder.h"
#include "tests/unit/operator/k8s/door_fixture.h"

namespace ferro::oper::k8s {
namespace {

using testing::HasSubstr;

class CpprestTls : public DoorFixture {
 protected:
  // make_leaf's certificates are for their name, localhost and 127.0.0.1.
  void open_tls(const std::string& name = "kube-apiserver", const std::string& client_ca = {}) {
    open({.tls = true, .certificate = fakes::make_leaf(name, authority_), .client_ca = client_ca});
    make_map("a");
  }
  Access trusting(const fakes::Pem& authority) const {
    Access to = access();
    to.ca_pem = authority.certificate;
    return to;
  }
  const fakes::Pem authority_ = fakes::make_authority("kubernetes");
};

TEST_F(CpprestTls, TheAuthorityIsTrustedAndTheConnectionKept) {
  open_tls();
  connect(trusting(authority_));
  constexpr uint64_t kRequests = 50;
  for (uint64_t i = 0; i < kRequests; ++i) {
    const Result<HttpResponse> answer = get("a");
    ASSERT_TRUE(answer.ok()) << answer.status().to_string();
    EXPECT_EQ(answer->status, 200);
  }
  // Not one: the library hands over an answer before it gives the connection back for the next request.
  EXPECT_LT(door_->connections(), kRequests / 2);
}

TEST_F(CpprestTls, ALateWatchOverTls) {
  open_tls();
  connect(trusting(authority_));
  remember_version();
  make_map("b", std::string(3'000'000, 'x'));
  int events = 0;
  ASSERT_TRUE(transport_->stream(watch_request(), [&](std::string_view) { return ++events < 1; }).ok());
  EXPECT_EQ(events, 1);
}

TEST_F(CpprestTls, AnotherAuthorityIsNot) {
  open_tls();
  connect(trusting(fakes::make_authority("impostor")));
  const Result<HttpResponse> answer = get("a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::unreachable);
  EXPECT_THAT(answer.status().message(), HasSubstr("certificate is not accepted"));
}

TEST_F(CpprestTls, TheSystemsAuthoritiesAreNotTrustedBesideAGivenOneNorInsteadOfNone) {
  open_tls();
  connect(access());  // no authority named: the system's, which did not sign this
  EXPECT_FALSE(get("a").ok());
}

TEST_F(CpprestTls, AnExpiredCertificateIsRefused) {
  fakes::CertificateOptions options;
  options.common_name = "kube-apiserver";
  options.issuer = &authority_;
  options.valid_from_now_seconds = -7200;
  options.valid_until_from_now_seconds = -3600;
  open({.tls = true, .certificate = fakes::make_certificate(options)});
  connect(trusting(authority_));
  EXPECT_THAT(get("a").status().message(), HasSubstr("expired"));
}

TEST_F(CpprestTls, TheNameMustFit) {
  open_tls("kube-apiserver");
  Access to = trusting(authority_);
  to.server_name = "kube-apiserver";
  connect(to);
  ASSERT_TRUE(get("a").ok()) << "tls-server-name stands in for the address";
  to.server_name = "another";
  connect(to);
  EXPECT_THAT(get("a").status().message(), HasSubstr("certificate is not accepted"));
  // By a name that the certificate holds and one that it does not.
  to.server_name = {};
  to.server.host = "localhost";
  to.server.host_is_address = false;
  connect(to);
  const Result<HttpResponse> by_name = get("a");
  EXPECT_TRUE(by_name.ok()) << by_name.status().to_string();
}

TEST_F(CpprestTls, AnAddressThatTheCertificateDoesNotHoldIsRefused) {
  open({.tls = true, .certificate = fakes::make_leaf("kube-apiserver", authority_), .v6 = true});
  connect(trusting(authority_));
  EXPECT_THAT(get("a").status().message(), HasSubstr("certificate is not accepted"))
      << "made out to 127.0.0.1";
  Access to = trusting(authority_);
  to.server_name = "localhost";
  connect(to);
  const Result<HttpResponse> answer = get("a");
  EXPECT_TRUE(answer.ok()) << answer.status().to_string();
}

TEST_F(CpprestTls, InsecureMeansWhatItSays) {
  open_tls();
  Access to = access();
  to.insecure_skip_tls_verify = true;
  connect(to);
  const Result<HttpResponse> answer = get("a");
  EXPECT_TRUE(answer.ok()) << answer.status().to_string();
}

TEST_F(CpprestTls, AClientCertificateIsShown) {
  const fakes::Pem clients = fakes::make_authority("clients");
  open_tls("kube-apiserver", clients.certificate);
  connect(trusting(authority_));
  EXPECT_FALSE(get("a").ok()) << "the server demands one";
  Access to = trusting(authority_);
  const fakes::Pem leaf = fakes::make_leaf("operator", clients);
  to.certificate_pem = leaf.certificate;
  to.key_pem = Secret(leaf.key);
  connect(to);
  const Result<HttpResponse> answer = get("a");
  ASSERT_TRUE(answer.ok()) << answer.status().to_string();
  EXPECT_EQ(door_->last_client(), "operator");
}

TEST_F(CpprestTls, ReplacedFilesAreUsedWithoutARestart) {
  const fakes::Pem clients = fakes::make_authority("clients");
  open_tls("kube-apiserver", clients.certificate);
  const tests::fakes::TempFolder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.path() + "/" + name + ".tmp") << text;
    std::rename((folder.path() + "/" + name + ".tmp").c_str(), (folder.path() + "/" + name).c_str());
  };
  const fakes::Pem first = fakes::make_leaf("first", clients), second = fakes::make_leaf("second", clients);
  write("ca", fakes::make_authority("former").certificate);
  write("crt", first.certificate);
  write("key", first.key);
  Access to = access();
  to.ca_file = folder.path() + "/ca";
  to.certificate_file = folder.path() + "/crt";
  to.key_file = folder.path() + "/key";
  connect(to);
  EXPECT_FALSE(get("a").ok()) << "the server's authority is not the one in the file yet";
  write("ca", authority_.certificate);
  ASSERT_TRUE(get("a").ok());
  EXPECT_EQ(door_->last_client(), "first");
  write("crt", second.certificate);
  ASSERT_TRUE(get("a").ok()) << "between the two files the old pair holds";
  write("key", second.key);
  ASSERT_TRUE(get("a").ok());
  EXPECT_EQ(door_->last_client(), "second");
}

}  // namespace
}  // namespace ferro::oper::k8s
