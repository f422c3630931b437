// The node itself accepts the configuration that is rendered for it: file, arguments and environment of the
// container, as Kubernetes would expand them.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "operator/objects/node_config.h"
#include "operator/objects/parts.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/temp_folder.h"
#include "tests/unit/operator/api/yaml_json.h"
#include "tests/unit/operator/objects/fixture.h"

namespace ferro::oper::objects {
namespace {

std::string expanded(std::string text) {
  for (const auto& [name, value] : {std::pair<std::string, std::string>("$(POD_NAME)", "demo-0"),
                                    std::pair<std::string, std::string>("$(POD_IP)", "10.0.0.7")}) {
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name))
      text.replace(at, name.size(), value);
  }
  return text;
}

struct Answer {
  int code = -1;
  std::string output;
};

// `ferrocached --config FILE MODE` with this environment and no other.
Answer run_node(const std::string& file, const char* mode, const std::vector<std::string>& environment) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDOUT_FILENO);
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[0]);
    std::vector<char*> env;
    for (const std::string& entry : environment) env.push_back(const_cast<char*>(entry.c_str()));
    env.push_back(nullptr);
    ::execle(FERROCACHED, "ferrocached", "--config", file.c_str(), mode, nullptr, env.data());
    ::_exit(127);
  }
  ::close(pipe[1]);
  Answer answer;
  std::array<char, 4096> buffer{};
  for (ssize_t size = 0; (size = ::read(pipe[0], buffer.data(), buffer.size())) > 0;)
    answer.output.append(buffer.data(), static_cast<size_t>(size));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  answer.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return answer;
}

std::vector<std::string> environment_of(const Json& container) {
  std::vector<std::string> result{"POD_NAME=demo-0", "POD_IP=10.0.0.7"};
  for (const Json& variable : container["env"]) {
    if (variable.contains("value"))
      result.push_back(variable["name"].get<std::string>() + "=" +
                       expanded(variable["value"].get<std::string>()));
  }
  return result;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

// What Kubernetes would mount below /etc/ferrocache, under `root`.
void mount_secrets(const std::string& root, const std::string& member) {
  const fakes::Pem authority = fakes::make_authority("authority");
  const fakes::Pem leaf = fakes::make_leaf(member, authority);
  const auto put = [&root](const std::string& path, const std::string& content) {
    const std::filesystem::path full = std::filesystem::path(root) / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << content;
  };
  put("tls/" + member + ".crt", leaf.certificate);
  put("tls/" + member + ".key", leaf.key);
  put("trust/ca.crt", authority.certificate);
  put("tokens/tokens", "a-token role=admin generation=1\n");
}

TEST(NodeConfiguration, IsAcceptedByTheNode) {
  const tests::fakes::TempFolder folder;
  mount_secrets(folder.path(), "demo-0");
  const std::vector<Json> kSpecs{
      Json::object(),
      Json::parse(R"({"replicas": 1, "tls": {"enabled": false}, "auth": {"enabled": false}})"),
      Json::parse(R"({"tls": {"clientTLS": true}, "replication": {"factor": 3, "writeConsistency": "quorum"},
                      "terminationGracePeriodSeconds": 1, "resources": {"limits": {"cpu": "2", "memory": "2Gi"}}})"),
      Json::parse(R"({"config": {"hnsw.ef_search": "64", "http.max_connections": "100", "log.level": "debug"},
                      "snapshots": {"retention": 100}, "terminationGracePeriodSeconds": 3600})"),
  };
  for (const Json& spec : kSpecs) {
    const api::Cluster cluster = cluster_of(spec);
    const std::string file = folder.path() + "/ferrocache.yaml";
    std::string content = config_file(cluster);
    replace_all(content, "/etc/ferrocache", folder.path());
    std::ofstream(file) << content;
    const Json container = pod_template(cluster, usual_inputs())["spec"]["containers"][0];
    std::vector<std::string> environment = environment_of(container);
    for (std::string& variable : environment) replace_all(variable, "/etc/ferrocache", folder.path());
    const Answer answer = run_node(file, "--check-config", environment);
    EXPECT_EQ(answer.code, 0) << spec.dump() << "\n" << answer.output << config_file(cluster);
  }
}

TEST(NodeConfiguration, MeansWhatTheSpecSays) {
  const tests::fakes::TempFolder folder;
  const std::string file = folder.path() + "/ferrocache.yaml";
  const api::Cluster cluster = cluster_of(Json::parse(R"({"config": {"hnsw.ef_search": "64"}})"));
  std::ofstream(file) << config_file(cluster);
  const Json container = pod_template(cluster, usual_inputs())["spec"]["containers"][0];
  const Answer answer = run_node(file, "--print-config", environment_of(container));
  ASSERT_EQ(answer.code, 0) << answer.output;
  for (const char* line :
       {"hnsw.ef_search = 64  # file", "node_id = demo-0  # environment",
        "cluster.gossip_addr = 10.0.0.7:5000  # environment",
        "cluster.seed_nodes = demo-nodes.shop.svc:5000  # file", "cluster.replication_factor = 2  # file",
        "cluster.tls.node_cert_path = /etc/ferrocache/tls/demo-0.crt  # environment",
        "cluster.tls.ca_cert_path = /etc/ferrocache/trust/ca.crt  # file",
        "http.shutdown_timeout_seconds = 50  # file"})
    EXPECT_THAT(answer.output, ::testing::HasSubstr(line));
}

}  // namespace
}  // namespace ferro::oper::objects
