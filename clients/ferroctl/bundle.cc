// support-bundle: what somebody who helps needs to see, without secrets, answers or questions.
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/kube.h"

namespace ferro::ferroctl {
namespace {

namespace files = std::filesystem;

constexpr int64_t kPackWaitMs = 600'000;  // some hundred MiB onto a slow disk

// Values of Secrets and of anything that is called like one.
void redact(Json& value) {
  if (value.is_object()) {
    const bool secret = value.value("kind", Json()) == "Secret";
    for (auto& [key, member] : value.items()) {
      const bool hidden = (secret && (key == "data" || key == "stringData")) ||
                          key.find("token") != std::string::npos ||
                          key.find("password") != std::string::npos ||
                          key == "kubectl.kubernetes.io/last-applied-configuration";
      if (hidden && (member.is_string() || secret)) {
        member = "redacted";
      } else {
        redact(member);
      }
    }
  } else if (value.is_array()) {
    for (Json& item : value) redact(item);
  }
}

class Bundle {
 public:
  explicit Bundle(files::path folder) : folder_(std::move(folder)) {}

  void add(const std::string& name, const Result<std::string>& content) {
    std::ofstream(folder_ / name) << (content.ok() ? *content
                                                   : "not to be had: " + content.status().message() + "\n");
    say((content.ok() ? "  " : "  (failed) ") + name);
  }
  void add_json(const std::string& name, const Result<Json>& value) {
    if (!value.ok()) return add(name, value.status());
    Json copy = *value;
    redact(copy);
    add(name, copy.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }

 private:
  files::path folder_;
};

void add_node(HttpClient& client, Bundle& bundle) {
  bundle.add_json("status.json", client.json("GET", "/cluster/status"));
  bundle.add_json("stats.json", client.json("GET", "/stats"));
  bundle.add_json("health.json", client.json("GET", "/health"));
  const Result<HttpAnswer> ready = client.call("GET", "/readyz");
  bundle.add("readyz.txt",
             ready.ok() ? Result<std::string>(std::to_string(ready->status) + "\n" + ready->body + "\n")
                        : ready.status());
  const Result<HttpAnswer> metrics = client.call("GET", "/metrics");
  bundle.add("metrics.txt", metrics.ok() ? Result<std::string>(metrics->body) : metrics.status());
}

void add_kubernetes(const Session& session, Bundle& bundle) {
  const ConnectionOptions& options = session.connection;
  const Kubectl kubectl(options);
  bundle.add_json("resource.json", kubectl.get(kClusters, options.cluster));
  for (const char* kind : {"statefulsets", "pods", "services", "configmaps", "persistentvolumeclaims",
                           "poddisruptionbudgets", "networkpolicies", "secrets"}) {
    bundle.add_json(std::string(kind) + ".json", [&]() -> Result<Json> {
      FERRO_ASSIGN_OR_RETURN(
          const std::string said,
          kubectl.run(
              {"get", kind, "--selector=app.kubernetes.io/instance=" + options.cluster, "--output=json"}));
      Json parsed = Json::parse(said, nullptr, false);
      if (parsed.is_discarded()) return Status::internal("not JSON");
      return parsed;
    }());
  }
  bundle.add_json("events.json", kubectl.get("events", ""));
  bundle.add("logs.txt", kubectl.run({"logs", "--selector=app.kubernetes.io/instance=" + options.cluster,
                                      "--tail=2000", "--prefix", "--max-log-requests=50"}));
}

Status collect(Session& session, std::string path) {
  if (path.empty()) path = "ferrocache-support-" + std::to_string(std::time(nullptr)) + ".tar.gz";
  std::string pattern = (files::temp_directory_path() / "ferroctl-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    return Status::from_errno(errno, "cannot make a folder in " + files::temp_directory_path().string());
  const files::path folder = pattern;
  Bundle bundle(folder);
  const Result<Connection> connection = connect(session.connection);
  if (connection.ok()) {
    add_node(*connection->client, bundle);
  } else {
    bundle.add("status.json", connection.status());
  }
  if (!session.connection.cluster.empty()) add_kubernetes(session, bundle);
  const Status packed = run_program({"tar", "-czf", path, "-C", folder.string(), "."}, kPackWaitMs).status();
  std::error_code ignored;
  files::remove_all(folder, ignored);
  FERRO_RETURN_IF_ERROR(packed);
  say("wrote " + path +
      ": no tokens, keys, questions or answers are in it; logs are as the nodes wrote them");
  return {};
}

}  // namespace

void add_bundle(CLI::App& app, Session& session) {
  CLI::App* const command = app.add_subcommand(
      "support-bundle", "status, metrics, logs and objects for somebody who helps, secrets redacted");
  const auto path = std::make_shared<std::string>();
  command->add_option("--file", *path, "where to write it; else ferrocache-support-TIME.tar.gz");
  on_chosen(*command, session, [&session, path] { return collect(session, *path); });
}

}  // namespace ferro::ferroctl
