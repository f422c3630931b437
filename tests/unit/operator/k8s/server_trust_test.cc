#include "operator/k8s/server_trust.h"

#include <gmock/gmock.h>

#include "tests/fakes/certificates.h"

namespace ferro::oper::k8s {
namespace {

using testing::HasSubstr;

TlsMaterial material() {
  TlsMaterial made;
  made.anchors_pem = fakes::make_authority("ca").certificate;
  made.server_name = "kube.example";
  return made;
}

TEST(ServerTrust, WhatCannotBeUsedIsToldApart) {
  EXPECT_TRUE(check_tls(material()).ok());
  TlsMaterial several = material();
  several.anchors_pem += fakes::make_authority("other").certificate;
  EXPECT_TRUE(check_tls(several).ok());

  TlsMaterial damaged = several;
  damaged.anchors_pem += "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  EXPECT_THAT(check_tls(damaged).message(), HasSubstr("authorities"));
  TlsMaterial address = material();
  address.server_name = "not an address";
  address.server_name_is_address = true;
  EXPECT_FALSE(check_tls(address).ok());
  TlsMaterial client = material();
  client.certificate_pem = "x";
  EXPECT_THAT(check_tls(client).message(), HasSubstr("client certificate"));
  fakes::CertificateOptions encrypted;
  encrypted.encrypt_key = true;
  const fakes::Pem locked = fakes::make_certificate(encrypted);
  client.certificate_pem = locked.certificate;
  client.key_pem = Secret(locked.key);
  EXPECT_THAT(check_tls(client).message(), HasSubstr("password"));
}

TEST(ServerTrust, WithoutVerificationTheAnchorsDoNotMatter) {
  TlsMaterial open = material();
  open.anchors_pem = "nonsense";
  open.verify = false;
  EXPECT_TRUE(check_tls(open).ok());
}

}  // namespace
}  // namespace ferro::oper::k8s
