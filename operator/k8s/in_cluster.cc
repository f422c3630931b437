#include <algorithm>

#include "common/io/small_file.h"
#include "operator/k8s/credentials.h"

namespace ferro::oper::k8s {
namespace {

constexpr size_t kNamespaceBytesMax = 253;
constexpr size_t kFileBytesMax = 1U << 20;

Status outside(std::string_view what) {
  return {StatusCode::failed_precondition,
          "not in a pod of a cluster: " + std::string(what) + "; give --kubeconfig to run outside"};
}

}  // namespace

Result<Access> in_cluster_access(const Environment& environment, const std::string& folder) {
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return outside("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  const bool v6 = host.find(':') != std::string::npos;
  const std::string url = v6 ? "https://[" + host + "]:" + port : "https://" + host + ":" + port;
  Access access;
  FERRO_ASSIGN_OR_RETURN(access.server, parse_server_url(url));
  access.token_file = folder + "/token";
  access.ca_file = folder + "/ca.crt";
  access.source = "service account";
  for (const std::string& file : {access.token_file, access.ca_file}) {
    const Result<std::string> content = io::read_small_file(file, kFileBytesMax);
    if (!content.ok())
      return outside("the service account's files are not mounted: " + content.status().message());
    if (content->empty()) return outside(file + " is empty");
  }
  // Absent when a token is projected without it: everything else works.
  if (const Result<std::string> ns = io::read_small_file(folder + "/namespace", kNamespaceBytesMax);
      ns.ok()) {
    access.ns = ns.value().substr(0, ns.value().find_last_not_of(" \n\r\t") + 1);
  }
  return access;
}

}  // namespace ferro::oper::k8s
