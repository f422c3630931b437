// How the API server is reached and who we are to it: from a pod's service account or from a kubeconfig file.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "operator/k8s/server_url.h"

namespace ferro::oper::k8s {

// One way in. What is a file is read again when it changed, so a rotated token or certificate needs no
// restart.
struct Access {
  ServerUrl server;
  std::string ns;      // of the service account or the context; empty = none named
  std::string ca_pem;  // trusted; empty = `ca_file`, or the system's authorities if that is empty too
  std::string ca_file;
  std::string certificate_pem;  // of the client, with its chain
  std::string certificate_file;
  Secret key_pem;
  std::string key_file;
  Secret token;
  std::string token_file;
  std::string server_name;  // the certificate must be made out to this; empty = the host
  bool insecure_skip_tls_verify = false;
  std::string source;  // for people: "service account", "kubeconfig F, context C"
};

using Environment = std::function<std::string(const char* name)>;  // empty = not set

// KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and the files in `folder`. failed_precondition, telling
// what is missing, outside a pod.
inline constexpr const char* kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
Result<Access> in_cluster_access(const Environment& environment,
                                 const std::string& folder = kServiceAccountFolder);

// `context` empty = current-context. Relative paths are relative to the file's folder. invalid_argument for
// what is malformed and for what this client does not do (exec plugins, auth-provider, proxy-url,
// impersonation, basic authentication), with what to do instead.
Result<Access> kubeconfig_access(const std::string& path, const std::string& context = {});
// The text alone; `folder` is where relative paths start.
Result<Access> parse_kubeconfig(const std::string& text, const std::string& folder,
                                const std::string& context = {});

}  // namespace ferro::oper::k8s
