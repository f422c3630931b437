#include "clients/ferroctl/connection.h"

#include <cstdlib>
#include <utility>

#include "clients/ferroctl/kube.h"
#include "clients/ferroctl/token.h"
#include "common/io/small_file.h"

namespace ferro::ferroctl {
namespace {

constexpr size_t kTokenFileBytesMax = 8192;

Result<Secret> token_of(const ConnectionOptions& options) {
  if (!options.token_file.empty()) {
    const Result<std::string> text = io::read_small_file(options.token_file, kTokenFileBytesMax);
    if (!text.ok()) return Status::invalid(text.status().message());  // nobody's answer is no
    return token_in(*text, options.token_file);
  }
  const char* const set = std::getenv("FERROCACHE_AUTH_TOKEN");
  if (set == nullptr || *set == '\0') return Secret();
  return token_in(set, "FERROCACHE_AUTH_TOKEN");
}

Result<HttpOptions> http_options(const ConnectionOptions& options) {
  HttpOptions http;
  FERRO_ASSIGN_OR_RETURN(http.token, token_of(options));
  http.ca_file = options.ca_file;
  http.cert_file = options.cert_file;
  http.key_file = options.key_file;
  http.timeout_ms = options.timeout_ms;
  return http;
}

}  // namespace

Result<Connection> connect(const ConnectionOptions& options) {
  FERRO_ASSIGN_OR_RETURN(HttpOptions http, http_options(options));
  Connection connection;
  if (!options.cluster.empty()) {
    const Kubectl kubectl(options);
    FERRO_ASSIGN_OR_RETURN(const Json resource, kubectl.get(kClusters, options.cluster));
    // Whoever brings a token need not be allowed to read the Secret.
    if (http.token.empty()) {
      FERRO_ASSIGN_OR_RETURN(http.token, kubectl.token_of(resource));
    }
    if (http.ca_file.empty()) {
      FERRO_ASSIGN_OR_RETURN(http.ca_pem, kubectl.authorities_of(resource));
    }
    FERRO_ASSIGN_OR_RETURN(Forwarded forwarded, kubectl.forward(resource));
    http.base_url = std::move(forwarded.url);
    connection.forward.emplace(std::move(forwarded.port));
  } else {
    const char* const set = std::getenv("FERROCACHE_URL");
    http.base_url = !options.url.empty()             ? options.url
                    : set != nullptr && *set != '\0' ? set
                                                     : "http://127.0.0.1:3000";
  }
  FERRO_ASSIGN_OR_RETURN(connection.client, HttpClient::open(std::move(http)));
  return connection;
}

}  // namespace ferro::ferroctl
