#include "node/app/security_files.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/fakes/certificates.h"
#include "tests/fakes/temp_folder.h"

namespace ferro::node::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --check-config called a node fine whose clients would refuse it.
TEST(CheckFiles, TellsCertificatesThatHaveExpired) {
  const tests::fakes::TempFolder folder;
  const auto put = [&folder](const std::string& name, const std::string& content) {
    std::ofstream(folder.path() + "/" + name) << content;
    return folder.path() + "/" + name;
  };
  const fakes::Pem authority = fakes::make_authority("authority");
  const fakes::Pem leaf = fakes::make_leaf("leaf", authority);
  config::Config config;
  config.http.tls.cert_path = config.cluster.tls.node_cert_path = put("leaf.pem", leaf.certificate);
  config.http.tls.key_path = config.cluster.tls.node_key_path = put("leaf.key", leaf.key);
  config.cluster.tls.ca_cert_path = put("ca.pem", authority.certificate);
  config.cluster.tls.enabled = true;
  const auto ends = crypto::facts_of_pem(leaf.certificate);
  ASSERT_TRUE(ends.ok());
  ManualClock clock(ends->not_after_unix * 1000 - 1000);
  const auto before = check_files(config, clock);
  ASSERT_TRUE(before.ok()) << before.status().message();
  EXPECT_THAT(*before, IsEmpty());
  clock.advance_ms(365LL * 86'400'000 * 20);
  const auto after = check_files(config, clock);
  ASSERT_TRUE(after.ok()) << after.status().message();
  EXPECT_THAT(*after, ElementsAre(HasSubstr("http.tls.cert_path"), HasSubstr("cluster.tls.node_cert_path"),
                                  HasSubstr("cluster.tls.ca_cert_path")));
}

TEST(CheckFiles, RefusesWhatAStartWouldRefuse) {
  config::Config config;
  config.auth_token_file = "/nowhere/tokens";
  EXPECT_THAT(check_files(config, ManualClock()).status().message(), HasSubstr("/nowhere/tokens"));
}

}  // namespace
}  // namespace ferro::node::app
