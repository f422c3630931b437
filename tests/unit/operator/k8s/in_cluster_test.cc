#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "operator/k8s/credentials.h"
#include "tests/fakes/temp_folder.h"

namespace ferro::oper::k8s {
namespace {

using testing::HasSubstr;

Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

struct Pod {
  Pod() {
    write("token", "abc\n");
    write("ca.crt", "PEM");
    write("namespace", "cache-system\n");
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder.path() + "/" + name) << text;
  }
  tests::fakes::TempFolder folder;
};

TEST(InCluster, AddressFilesAndNamespace) {
  const Pod pod;
  const Result<Access> access = in_cluster_access(
      environment({{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}}),
      pod.folder.path());
  ASSERT_TRUE(access.ok()) << access.status().to_string();
  EXPECT_EQ(to_text(access->server), "https://10.96.0.1:443");
  EXPECT_EQ(access->token_file, pod.folder.path() + "/token");
  EXPECT_EQ(access->ca_file, pod.folder.path() + "/ca.crt");
  EXPECT_EQ(access->ns, "cache-system");
}

TEST(InCluster, AnIpv6AddressComesWithoutBrackets) {
  const Pod pod;
  const Result<Access> access = in_cluster_access(
      environment({{"KUBERNETES_SERVICE_HOST", "fd00:10:96::1"}, {"KUBERNETES_SERVICE_PORT", "6443"}}),
      pod.folder.path());
  ASSERT_TRUE(access.ok()) << access.status().to_string();
  EXPECT_EQ(access->server.host, "fd00:10:96::1");
  EXPECT_TRUE(access->server.host_is_address);
  EXPECT_EQ(to_text(access->server), "https://[fd00:10:96::1]:6443");
}

TEST(InCluster, OutsideOfAPodSaysWhatToDo) {
  const Pod pod;
  const Environment good =
      environment({{"KUBERNETES_SERVICE_HOST", "h"}, {"KUBERNETES_SERVICE_PORT", "443"}});
  for (const Result<Access>& access :
       {in_cluster_access(environment({}), pod.folder.path()), in_cluster_access(good, "/nonexistent")}) {
    ASSERT_FALSE(access.ok());
    EXPECT_EQ(access.status().code(), StatusCode::failed_precondition);
    EXPECT_THAT(access.status().message(), HasSubstr("--kubeconfig"));
  }
  Pod empty;
  empty.write("token", "");
  EXPECT_THAT(in_cluster_access(good, empty.folder.path()).status().message(), HasSubstr("token is empty"));
  EXPECT_FALSE(in_cluster_access(
                   environment({{"KUBERNETES_SERVICE_HOST", "h"}, {"KUBERNETES_SERVICE_PORT", "tcp://1:2"}}),
                   pod.folder.path())
                   .ok());
}

}  // namespace
}  // namespace ferro::oper::k8s
