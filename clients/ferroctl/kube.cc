#include "clients/ferroctl/kube.h"

#include <cpprest/asyncrt_utils.h>

#include <cstdlib>

namespace ferro::ferroctl {
namespace {

using Json = nlohmann::json;

constexpr int kForwardWaitMs = 15'000;

// not_found of a program that cannot be started means kubectl itself.
Status explained(const Status& status) {
  if (status.code() != StatusCode::not_found) return status;
  return Status::not_found(
      status.message() +
      ": this command asks Kubernetes through kubectl. Install it, or set FERROCTL_KUBECTL to "
      "its path; a node that can be reached directly needs no kubectl (--url, no --cluster)");
}

std::string decoded(const std::string& base64) {
  try {
    const std::vector<unsigned char> bytes = utility::conversions::from_base64(base64);
    return {bytes.begin(), bytes.end()};
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace

std::vector<std::string> Kubectl::command(std::vector<std::string> words) const {
  const char* const program = std::getenv("FERROCTL_KUBECTL");
  std::vector<std::string> all{program != nullptr && *program != '\0' ? program : "kubectl"};
  if (!kubeconfig_.empty()) all.push_back("--kubeconfig=" + kubeconfig_);
  if (!context_.empty()) all.push_back("--context=" + context_);
  if (!ns_.empty()) all.push_back("--namespace=" + ns_);
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Result<std::string> Kubectl::run(std::vector<std::string> words) const {
  Result<std::string> said = run_program(command(std::move(words)));
  if (!said.ok() && said.status().message().find("Error from server (NotFound)") != std::string::npos)
    return Status::not_found(said.status().message());
  if (!said.ok()) return explained(said.status());
  return said;
}

Result<Json> Kubectl::get(const std::string& kind, const std::string& name) const {
  std::vector<std::string> words{"get", kind, "--output=json"};
  if (!name.empty()) words.insert(words.begin() + 2, name);
  FERRO_ASSIGN_OR_RETURN(const std::string said, run(std::move(words)));
  Json parsed = Json::parse(said, nullptr, false);
  if (!parsed.is_object()) return Status::internal("kubectl answered with something that is no JSON object");
  return parsed;
}

Result<Forwarded> Kubectl::forward(const std::string& cluster) const {
  FERRO_ASSIGN_OR_RETURN(const Json resource, get("ferrocacheclusters.cache.ferrocache.io", cluster));
  const Json spec = resource.value("spec", Json::object());
  const bool client_tls = spec.value("/tls/clientTLS"_json_pointer, false);
  Secret token;
  if (spec.value("/auth/enabled"_json_pointer, true)) {
    const std::string name = spec.value("/auth/existingSecret"_json_pointer, cluster + "-token");
    FERRO_ASSIGN_OR_RETURN(const Json secret, get("secret", name));
    token = Secret(decoded(secret.value("/data/token"_json_pointer, "")));
  }
  FERRO_ASSIGN_OR_RETURN(Companion port,
                         Companion::start(command({"port-forward", "service/" + cluster, ":3000"}),
                                          "Forwarding from 127.0.0.1:", kForwardWaitMs));
  const std::string& line = port.line();
  const size_t colon = line.find("127.0.0.1:") + 10;
  const std::string number = line.substr(colon, line.find_first_not_of("0123456789", colon) - colon);
  std::string url = (client_tls ? "https://localhost:" : "http://127.0.0.1:") + number;
  return Forwarded{std::move(port), std::move(url), std::move(token)};
}

}  // namespace ferro::ferroctl
