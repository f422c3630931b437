// The format: client-go's clientcmd/api/v1 Config.
#include <yaml-cpp/yaml.h>

#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

#include "common/io/small_file.h"
#include "operator/k8s/base64.h"
#include "operator/k8s/credentials.h"

namespace ferro::oper::k8s {
namespace {

constexpr size_t kFileBytesMax = 4U << 20;  // hundreds of contexts with their certificates

Status wrong(std::string message) {
  return Status::invalid("kubeconfig: " + std::move(message));
}

std::string text(const YAML::Node& map, const char* key) {
  const YAML::Node value = map[key];
  return value && value.IsScalar() ? value.Scalar() : std::string();
}

// The body of the entry `name` of a list of named things.
Result<YAML::Node> named(const YAML::Node& root, const char* list, const char* body,
                         const std::string& name) {
  const YAML::Node entries = root[list];
  if (entries && entries.IsSequence()) {
    for (const YAML::Node& entry : entries) {
      if (!entry.IsMap() || text(entry, "name") != name) continue;
      YAML::Node found = entry[body];
      if (found && found.IsMap()) return found;
      return YAML::Node(YAML::NodeType::Map);  // "user: {}" and an absent one mean the same
    }
  }
  return wrong("no entry named \"" + name + "\" in " + list);
}

std::string absolute(const std::string& path, const std::string& folder) {
  if (path.empty() || std::filesystem::path(path).is_absolute()) return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

// The bytes of KEY-data, or else the path of KEY.
Status data_or_file(const YAML::Node& map, const std::string& key, const std::string& folder,
                    std::string& data, std::string& file) {
  const std::string encoded = text(map, (key + "-data").c_str());
  if (!encoded.empty()) {
    std::optional<std::string> decoded = base64_decode(encoded);
    if (!decoded) return wrong(key + "-data is not base64");
    data = std::move(*decoded);
    return {};
  }
  file = absolute(text(map, key.c_str()), folder);
  return {};
}

Status read_cluster(const YAML::Node& cluster, const std::string& folder, Access& access) {
  Result<ServerUrl> server = parse_server_url(text(cluster, "server"));
  if (!server.ok()) return server.status().with_context("kubeconfig");
  access.server = std::move(server).value();
  if (!text(cluster, "proxy-url").empty()) {
    return wrong("proxy-url is not supported: reach the API server directly, or through a port-forward");
  }
  const std::string insecure = text(cluster, "insecure-skip-tls-verify");
  if (insecure == "true") {
    access.insecure_skip_tls_verify = true;
  } else if (!insecure.empty() && insecure != "false") {
    return wrong("insecure-skip-tls-verify must be true or false");
  }
  access.server_name = text(cluster, "tls-server-name");
  FERRO_RETURN_IF_ERROR(
      data_or_file(cluster, "certificate-authority", folder, access.ca_pem, access.ca_file));
  if (access.insecure_skip_tls_verify && !(access.ca_pem.empty() && access.ca_file.empty())) {
    return wrong("certificate-authority and insecure-skip-tls-verify exclude each other: drop one");
  }
  return {};
}

Status refuse_unsupported(const YAML::Node& user) {
  constexpr std::pair<const char*, const char*> kUnsupported[] = {
      {"exec",
       "exec plugins are not run: use a client certificate, a token or a tokenFile (for a cloud's cluster, "
       "a service account's token: kubectl create token)"},
      {"auth-provider", "auth-provider is not supported: use a client certificate, a token or a tokenFile"},
      {"username", "user name and password are not supported by current servers: use a token"},
      {"password", "user name and password are not supported by current servers: use a token"},
      {"as", "impersonation (as) is not supported"},
      {"as-uid", "impersonation (as-uid) is not supported"},
      {"as-groups", "impersonation (as-groups) is not supported"},
      {"as-user-extra", "impersonation (as-user-extra) is not supported"},
  };
  for (const auto& [key, sentence] : kUnsupported) {
    const YAML::Node value = user[key];
    if (value && !value.IsNull() && !(value.IsScalar() && value.Scalar().empty())) return wrong(sentence);
  }
  return {};
}

Status read_user(const YAML::Node& user, const std::string& folder, Access& access) {
  FERRO_RETURN_IF_ERROR(refuse_unsupported(user));
  FERRO_RETURN_IF_ERROR(
      data_or_file(user, "client-certificate", folder, access.certificate_pem, access.certificate_file));
  std::string key_pem;
  FERRO_RETURN_IF_ERROR(data_or_file(user, "client-key", folder, key_pem, access.key_file));
  access.key_pem = Secret(std::move(key_pem));
  const bool certificate = !(access.certificate_pem.empty() && access.certificate_file.empty());
  const bool key = !(access.key_pem.empty() && access.key_file.empty());
  if (certificate != key) return wrong("client-certificate and client-key come together or not at all");
  access.token = Secret(text(user, "token"));
  access.token_file = absolute(text(user, "tokenFile"), folder);
  const bool any = certificate || !access.token.empty() || !access.token_file.empty();
  if (any && !access.server.tls) {
    return wrong("a token or certificate is never sent over plain http: the server's address must be https");
  }
  return {};
}

Result<Access> parse(const std::string& content, const std::string& folder, const std::string& wanted) {
  const YAML::Node root = YAML::Load(content);
  if (!root.IsMap()) return wrong("not a map: is this the right file?");
  const std::string context = wanted.empty() ? text(root, "current-context") : wanted;
  if (context.empty()) return wrong("no current-context is set: name one with --context");
  FERRO_ASSIGN_OR_RETURN(const YAML::Node chosen, named(root, "contexts", "context", context));
  FERRO_ASSIGN_OR_RETURN(const YAML::Node cluster,
                         named(root, "clusters", "cluster", text(chosen, "cluster")));
  Access access;
  access.ns = text(chosen, "namespace");
  access.source = "kubeconfig, context " + context;
  FERRO_RETURN_IF_ERROR(read_cluster(cluster, folder, access));
  if (const std::string user = text(chosen, "user"); !user.empty()) {
    FERRO_ASSIGN_OR_RETURN(const YAML::Node body, named(root, "users", "user", user));
    FERRO_RETURN_IF_ERROR(read_user(body, folder, access));
  }
  return access;
}

}  // namespace

Result<Access> parse_kubeconfig(const std::string& content, const std::string& folder,
                                const std::string& context) {
  try {
    return parse(content, folder, context);
  } catch (const YAML::Exception& error) {
    // Its message may quote the file, keys and all: the place is enough.
    const int line = error.mark.is_null() ? 0 : error.mark.line + 1;
    return wrong(line > 0 ? "no valid YAML, line " + std::to_string(line) : std::string("no valid YAML"));
  } catch (const std::exception&) {
    return wrong("no valid YAML");
  }
}

Result<Access> kubeconfig_access(const std::string& path, const std::string& context) {
  Result<std::string> content = io::read_small_file(path, kFileBytesMax);
  if (!content.ok()) return content.status().with_context("kubeconfig");
  const std::string folder = std::filesystem::path(path).parent_path().string();
  Result<Access> access = parse_kubeconfig(content.value(), folder.empty() ? "." : folder, context);
  if (!access.ok()) return access.status().with_context(path);
  access->source = "kubeconfig " + path + access->source.substr(std::string_view("kubeconfig").size());
  return access;
}

}  // namespace ferro::oper::k8s
