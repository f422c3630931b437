#include "clients/ferroctl/kube.h"

#include <cpprest/asyncrt_utils.h>

#include <cstdlib>
#include <utility>

#include "clients/ferroctl/token.h"

namespace ferro::ferroctl {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kForwarding = "Forwarding from 127.0.0.1:";

Result<std::string> decoded(const std::string& base64) {
  try {
    const std::vector<unsigned char> bytes = utility::conversions::from_base64(base64);
    return std::string(bytes.begin(), bytes.end());
  } catch (const std::exception&) {  // its words hold the text
    return Status::invalid("not base64");
  }
}

std::string name_of(const Json& object) {
  return object.value("/metadata/name"_json_pointer, "");
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

std::string key_of(const std::string& secret, const char* key) {
  return "the key " + std::string(key) + " of the Secret " + secret;
}

bool has_client_tls(const Json& cluster) {
  return cluster.value("/spec/tls/clientTLS"_json_pointer, false);
}

// With what to do about it.
Status explained(const Status& status, const std::vector<std::string>& words) {
  std::string advice;
  switch (status.code()) {
    case StatusCode::not_found:  // of a program that cannot be started
      advice =
          ": this command asks Kubernetes through kubectl. Install it, or set FERROCTL_KUBECTL to "
          "its path; a node that can be reached directly needs no kubectl (--url, no --cluster)";
      break;
    case StatusCode::unreachable:
      advice = "\nTry it by hand: " + joined(words) +
               "\nIf it only needs longer (a log-in, a slow API server), raise --kubectl-timeout-ms.";
      break;
    case StatusCode::too_large:
      advice = ", which is more than ferroctl takes; fetch it by hand: " + joined(words);
      break;
    default:
      break;
  }
  return {status.code(), status.message() + advice};
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
  const std::vector<std::string> all = command(std::move(words));
  Result<std::string> said = run_program(all, wait_ms_);
  if (said.ok()) return said;
  if (said.status().message().find("Error from server (NotFound)") != std::string::npos)
    return Status::not_found(said.status().message());
  return explained(said.status(), all);
}

Result<Json> Kubectl::get(const std::string& kind, const std::string& name) const {
  std::vector<std::string> words{"get", kind, "--output=json"};
  if (!name.empty()) words.insert(words.begin() + 2, name);
  FERRO_ASSIGN_OR_RETURN(const std::string said, run(std::move(words)));
  Json parsed = Json::parse(said, nullptr, false);
  if (!parsed.is_object()) return Status::internal("kubectl answered with something that is no JSON object");
  return parsed;
}

Result<std::string> Kubectl::value_in(const std::string& name, const char* key,
                                      const std::string& way_out) const {
  FERRO_ASSIGN_OR_RETURN(const Json secret, get("secret", name));
  const Json data = secret.value("data", Json::object());
  const auto found = data.is_object() ? data.find(key) : data.end();
  if (found == data.end())
    return Status::internal("there is no key " + std::string(key) + " in the Secret " + name + way_out);
  Result<std::string> text =
      found->is_string() ? decoded(found->get<std::string>()) : Status::invalid("no text");
  if (text.ok()) return text;
  return Status::internal(key_of(name, key) + " cannot be decoded: " + text.status().message() + way_out);
}

Result<Secret> Kubectl::token_of(const Json& cluster) const {
  const Json spec = cluster.value("spec", Json::object());
  if (!spec.value("/auth/enabled"_json_pointer, true)) return Secret();
  const std::string name = spec.value("/auth/existingSecret"_json_pointer, name_of(cluster) + "-token");
  const std::string way_out = "; put it right, or set FERROCACHE_AUTH_TOKEN or give --token-file";
  FERRO_ASSIGN_OR_RETURN(const std::string text, value_in(name, "token", way_out));
  Result<Secret> token = token_in(text, key_of(name, "token"));
  if (!token.ok()) return Status::internal(token.status().message() + way_out);
  return token;
}

Result<std::string> Kubectl::authorities_of(const Json& cluster) const {
  if (!has_client_tls(cluster)) return std::string();
  return value_in(name_of(cluster) + "-trust", "ca.crt", "; give the authorities with --ca");
}

Result<Forwarded> Kubectl::forward(const Json& cluster) const {
  const std::vector<std::string> words = command({"port-forward", "service/" + name_of(cluster), ":3000"});
  Result<Companion> port = Companion::start(words, std::string(kForwarding), wait_ms_);
  if (!port.ok()) return explained(port.status(), words);
  const std::string& line = port->line();
  const size_t begin = line.find(kForwarding) + kForwarding.size();
  const std::string number = line.substr(begin, line.find_first_not_of("0123456789", begin) - begin);
  std::string url = (has_client_tls(cluster) ? "https://localhost:" : "http://127.0.0.1:") + number;
  return Forwarded{std::move(port).value(), std::move(url)};
}

}  // namespace ferro::ferroctl
