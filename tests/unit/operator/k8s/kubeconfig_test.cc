#include <gmock/gmock.h>

#include <fstream>

#include "operator/k8s/base64.h"
#include "operator/k8s/credentials.h"
#include "tests/fakes/temp_folder.h"

namespace ferro::oper::k8s {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string config(const std::string& cluster, const std::string& user, const std::string& rest = "") {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "contexts:\n- name: here\n  context: {cluster: c, user: u, namespace: cache}\n"
         "- name: there\n  context: {cluster: d, user: v}\n"
         "clusters:\n- name: c\n  cluster: {" +
         cluster +
         "}\n"
         "- name: d\n  cluster: {server: https://there.example:8443, certificate-authority: pki/ca.crt}\n"
         "users:\n- name: u\n  user: {" +
         user +
         "}\n"
         "- name: v\n  user: {tokenFile: tokens/v, client-certificate: /abs/v.crt, client-key: ../v.key}\n" +
         rest;
}

const std::string kServer = "server: https://10.0.0.1:6443";

TEST(Kubeconfig, DataOfTheCurrentContext) {
  const Result<Access> access = parse_kubeconfig(
      config(kServer + ", tls-server-name: kube, certificate-authority-data: " + base64_encode("CA PEM"),
             "client-certificate-data: " + base64_encode("CERT") +
                 ", client-key-data: " + base64_encode("KEY") + ", token: abc"),
      "/home");
  ASSERT_TRUE(access.ok()) << access.status().to_string();
  EXPECT_EQ(to_text(access->server), "https://10.0.0.1:6443");
  EXPECT_EQ(access->ns, "cache");
  EXPECT_EQ(access->ca_pem, "CA PEM");
  EXPECT_EQ(access->certificate_pem, "CERT");
  EXPECT_EQ(access->key_pem.reveal(), "KEY");
  EXPECT_EQ(access->token.reveal(), "abc");
  EXPECT_EQ(access->server_name, "kube");
  EXPECT_FALSE(access->insecure_skip_tls_verify);
}

TEST(Kubeconfig, FilesOfANamedContextAreRelativeToTheFile) {
  const Result<Access> access = parse_kubeconfig(config(kServer, ""), "/etc/kube", "there");
  ASSERT_TRUE(access.ok()) << access.status().to_string();
  EXPECT_EQ(access->ca_file, "/etc/kube/pki/ca.crt");
  EXPECT_EQ(access->token_file, "/etc/kube/tokens/v");
  EXPECT_EQ(access->certificate_file, "/abs/v.crt");
  EXPECT_EQ(access->key_file, "/etc/v.key");
  EXPECT_EQ(access->ns, "");
}

TEST(Kubeconfig, DataGoesBeforeFiles) {
  const Result<Access> access = parse_kubeconfig(
      config(kServer + ", certificate-authority: x, certificate-authority-data: " + base64_encode("CA"), ""),
      ".");
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access->ca_pem, "CA");
  EXPECT_EQ(access->ca_file, "");
}

TEST(Kubeconfig, WhatIsNotDoneIsRefusedWithASentence) {
  struct Case {
    std::string cluster, user;
    const char* said;
  };
  for (const Case& c : {
           Case{kServer, "exec: {command: aws}", "exec plugins are not run"},
           Case{kServer, "auth-provider: {name: gcp}", "auth-provider is not supported"},
           Case{kServer, "username: a, password: b", "use a token"},
           Case{kServer, "as: admin", "impersonation"},
           Case{kServer, "as-groups: [a]", "impersonation"},
           Case{kServer + ", proxy-url: http://proxy", "", "proxy-url is not supported"},
           Case{kServer + ", insecure-skip-tls-verify: true, certificate-authority: x", "",
                "exclude each other"},
           Case{kServer + ", insecure-skip-tls-verify: maybe", "", "must be true or false"},
           Case{kServer + ", certificate-authority-data: '%%%'", "",
                "certificate-authority-data is not base64"},
           Case{kServer, "client-certificate: x", "come together or not at all"},
           Case{kServer, "client-key: x", "come together or not at all"},
           Case{"server: 10.0.0.1", "", "must start with https://"},
           Case{"", "", "must start with https://"},
           Case{"server: http://10.0.0.1", "token: x", "never sent over plain http"},
       }) {
    const Result<Access> access = parse_kubeconfig(config(c.cluster, c.user), ".");
    ASSERT_FALSE(access.ok()) << c.said;
    EXPECT_EQ(access.status().code(), StatusCode::invalid_argument);
    EXPECT_THAT(access.status().message(), HasSubstr(c.said));
  }
}

TEST(Kubeconfig, WhatIsMissingIsNamed) {
  EXPECT_THAT(parse_kubeconfig(config(kServer, ""), ".", "nowhere").status().message(),
              HasSubstr("no entry named \"nowhere\" in contexts"));
  EXPECT_THAT(parse_kubeconfig("current-context: ''", ".").status().message(),
              HasSubstr("no current-context"));
  EXPECT_THAT(parse_kubeconfig("contexts: [{name: a, context: {cluster: x}}]\ncurrent-context: a", ".")
                  .status()
                  .message(),
              HasSubstr("no entry named \"x\" in clusters"));
  for (const char* text : {"", "[]", "plain", "7"}) {
    EXPECT_THAT(parse_kubeconfig(text, ".").status().message(), HasSubstr("not a map")) << text;
  }
}

TEST(Kubeconfig, ABrokenFileIsNotQuoted) {
  const Status status =
      parse_kubeconfig("users:\n- name: u\n  user: {token: hunter2, : }\n  ]", ".").status();
  EXPECT_EQ(status.code(), StatusCode::invalid_argument);
  EXPECT_THAT(status.message(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(status.message(), HasSubstr("no valid YAML"));
  EXPECT_FALSE(parse_kubeconfig("current-context: [a]\ncontexts: {a: b}\nclusters: 7", ".").ok());
  EXPECT_FALSE(parse_kubeconfig("current-context: a\ncontexts: [[a], 7, {name: a, context: [x]}]", ".").ok());
}

TEST(Kubeconfig, AFileIsReadAndNamed) {
  const tests::fakes::TempFolder folder;
  const std::string path = folder.path() + "/config";
  std::ofstream(path) << config(kServer, "");
  const Result<Access> access = kubeconfig_access(path);
  ASSERT_TRUE(access.ok()) << access.status().to_string();
  EXPECT_EQ(access->source, "kubeconfig " + path + ", context here");
  EXPECT_EQ(kubeconfig_access(folder.path() + "/none").status().code(), StatusCode::not_found);
  EXPECT_THAT(kubeconfig_access(path, "nowhere").status().message(), HasSubstr(path));
}

}  // namespace
}  // namespace ferro::oper::k8s
