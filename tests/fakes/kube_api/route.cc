#include "tests/fakes/kube_api/route.h"

#include <sstream>
#include <vector>

namespace ferro::fakes::kube {

std::optional<ApiServer::Route> ApiServer::Route::of(const std::string& path, const KindRegistry& kinds) {
  std::vector<std::string> parts;
  std::istringstream in(path);
  for (std::string part; std::getline(in, part, '/');) {
    if (!part.empty()) parts.push_back(part);
  }
  size_t next = 0;
  std::string group, version;
  if (parts.size() >= 3 && parts[0] == "api") {
    version = parts[1];
    next = 2;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    group = parts[1];
    version = parts[2];
    next = 3;
  } else {
    return std::nullopt;
  }
  Route route;
  // ".../namespaces/x/plural..." is in x, ".../namespaces/x" and ".../namespaces/x/status" is x itself.
  if (parts[next] == "namespaces" && parts.size() > next + 2 && parts[next + 2] != "status") {
    route.ns = parts[next + 1];
    next += 2;
  }
  route.kind = kinds.find(group, version, parts[next++]);
  if (route.kind == nullptr) return std::nullopt;
  if (next < parts.size()) route.name = parts[next++];
  if (next < parts.size()) route.sub = parts[next++];
  if (next < parts.size()) return std::nullopt;
  if (route.kind->namespaced && route.ns.empty() && !route.name.empty()) return std::nullopt;
  return route;
}

std::string ApiServer::Route::collection(const Kind& kind, const std::string& ns) {
  std::string path = (kind.group.empty() ? "/api/" : "/apis/" + kind.group + "/") + kind.version;
  if (kind.namespaced && !ns.empty()) path += "/namespaces/" + ns;
  return path + "/" + kind.plural;
}

}  // namespace ferro::fakes::kube
