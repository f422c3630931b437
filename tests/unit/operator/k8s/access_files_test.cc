#include "operator/k8s/access_files.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/certificates.h"
#include "tests/fakes/temp_folder.h"

namespace ferro::oper::k8s {
namespace {

using testing::HasSubstr;

// As the kubelet does it: a new folder, then a link to it renamed over the old link.
class Projected {
 public:
  void write(const std::map<std::string, std::string>& files) {
    const std::string version = folder_.path() + "/v" + std::to_string(++version_);
    std::filesystem::create_directory(version);
    for (const auto& [name, text] : files) std::ofstream(version + "/" + name) << text;
    const std::string link = folder_.path() + "/..data", fresh = folder_.path() + "/..tmp";
    std::filesystem::create_directory_symlink(version, fresh);
    std::filesystem::rename(fresh, link);
  }
  std::string path(const std::string& name) const { return folder_.path() + "/..data/" + name; }
  void remove_all() { std::filesystem::remove(folder_.path() + "/..data"); }

 private:
  tests::fakes::TempFolder folder_;
  int version_ = 0;
};

TEST(AccessFiles, ARotatedTokenIsReadAgainAndTheLastOneStaysWhileTheFileIsGone) {
  Projected files;
  files.write({{"token", "one\n"}});
  Access access;
  access.token_file = files.path("token");
  AccessFiles now(access);
  EXPECT_EQ(now.token()->reveal(), "one");
  files.write({{"token", "two"}});
  EXPECT_EQ(now.token()->reveal(), "two");
  files.write({{"token", ""}});
  EXPECT_EQ(now.token()->reveal(), "two");
  files.remove_all();
  EXPECT_EQ(now.token(true)->reveal(), "two");
  files.write({{"token", "three"}});
  EXPECT_EQ(now.token()->reveal(), "three");
}

TEST(AccessFiles, ATokenThatWouldBeAnotherHeaderIsRefused) {
  Access access;
  access.token = Secret("abc\r\nX-Remote-User: admin");
  AccessFiles now(access);
  ASSERT_FALSE(now.token().ok());
  EXPECT_EQ(now.token().status().message().find("admin"), std::string::npos);
}

TEST(AccessFiles, NoTokenAtAllIsNoError) {
  AccessFiles now{Access()};
  EXPECT_TRUE(now.token()->empty());
  Access missing;
  missing.token_file = "/nonexistent/token";
  EXPECT_FALSE(AccessFiles(missing).token().ok());
}

TEST(AccessFiles, CertificatesChangeTogetherOrNotAtAll) {
  const fakes::Pem authority = fakes::make_authority("ca");
  const fakes::Pem first = fakes::make_leaf("one", authority), second = fakes::make_leaf("two", authority);
  Projected files;
  files.write({{"ca", authority.certificate}, {"crt", first.certificate}, {"key", first.key}});
  Access access;
  access.server = *parse_server_url("https://127.0.0.1:1");
  access.ca_file = files.path("ca");
  access.certificate_file = files.path("crt");
  access.key_file = files.path("key");
  AccessFiles now(access);
  ASSERT_TRUE(now.check().ok()) << now.check().to_string();
  const auto before = now.tls().value();
  EXPECT_EQ(now.tls().value(), before) << "nothing changed: the same pointer, so connections are kept";
  EXPECT_TRUE(before->server_name_is_address);

  files.write({{"ca", authority.certificate}, {"crt", second.certificate}, {"key", first.key}});
  EXPECT_EQ(now.tls().value(), before) << "a certificate without its key";
  files.write({{"ca", authority.certificate}, {"crt", second.certificate}, {"key", second.key}});
  const auto after = now.tls().value();
  EXPECT_NE(after, before);
  EXPECT_EQ(after->certificate_pem, second.certificate);
}

TEST(AccessFiles, AtTheStartEverythingMustFit) {
  const fakes::Pem authority = fakes::make_authority("ca");
  const fakes::Pem one = fakes::make_leaf("one", authority), two = fakes::make_leaf("two", authority);
  Access access;
  access.server = *parse_server_url("https://127.0.0.1:1");
  access.ca_pem = authority.certificate;
  access.certificate_pem = one.certificate;
  access.key_pem = Secret(two.key);
  EXPECT_THAT(AccessFiles(access).check().message(), HasSubstr("does not belong"));
  access.key_pem = Secret(one.key);
  EXPECT_TRUE(AccessFiles(access).check().ok());
  access.ca_pem = "no PEM";
  EXPECT_THAT(AccessFiles(access).check().message(), HasSubstr("authorities"));
  access.ca_pem = {};
  access.ca_file = "/nonexistent/ca";
  EXPECT_EQ(AccessFiles(access).check().code(), StatusCode::not_found);
}

}  // namespace
}  // namespace ferro::oper::k8s
