// support-bundle: what somebody who helps needs to see, without secrets, answers or questions.
#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clients/ferroctl/commands.h"
#include "clients/ferroctl/kube.h"

namespace ferro::ferroctl {
namespace {

namespace files = std::filesystem;

// In names of members, which name Secrets too (secretName) and must stay readable, and in those of settings.
constexpr std::array<std::string_view, 2> kMemberWords{"token", "password"};
constexpr std::array<std::string_view, 5> kSettingWords{"token", "password", "secret", "api_key", "apikey"};
constexpr int64_t kPackWaitMs = 600'000;  // some hundred MiB onto a slow disk

constexpr const char* kRedacted = "redacted";

// Whether what is called so must not be shown. A path to a secret may be.
template <size_t kCount>
bool is_secret(std::string name, const std::array<std::string_view, kCount>& words) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (name.ends_with("_file") || name.ends_with("_path")) return false;
  return std::any_of(words.begin(), words.end(),
                     [&name](std::string_view word) { return name.find(word) != std::string::npos; });
}

// Settings of a file, one a line, `name: value` or `name = value`.
std::string redacted_lines(const std::string& text) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const size_t sign = line.find_first_of(":=");
    const bool hidden = sign != std::string::npos && sign > 0 &&
                        line.find_first_not_of(" \t\r", sign + 1) != std::string::npos &&
                        is_secret(line.substr(0, line.find_last_not_of(" \t", sign - 1) + 1), kSettingWords);
    out += hidden ? line.substr(0, sign + 1) + " " + kRedacted : line;
    if (end < text.size()) out += '\n';
    begin = end + 1;
  }
  return out;
}

// Values of Secrets and of anything that is called like one.
void redact(Json& value) {
  if (value.is_object()) {
    const std::string kind =
        value.contains("kind") && value["kind"].is_string() ? value["kind"].get<std::string>() : "";
    const bool secret = kind == "Secret";
    const bool variable = value.contains("name") && value["name"].is_string() &&
                          is_secret(value["name"].get<std::string>(), kSettingWords);
    for (auto& [key, member] : value.items()) {
      const bool hidden = (secret && (key == "data" || key == "stringData")) ||
                          (variable && key == "value") || is_secret(key, kMemberWords) ||
                          key == "kubectl.kubernetes.io/last-applied-configuration";
      if (hidden && (member.is_string() || secret)) {
        member = kRedacted;
      } else if (kind == "ConfigMap" && key == "data" && member.is_object()) {
        for (auto& [name, content] : member.items())
          if (content.is_string())
            content = is_secret(name, kSettingWords) ? kRedacted : redacted_lines(content.get<std::string>());
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
