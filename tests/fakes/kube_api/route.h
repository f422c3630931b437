// Which kind, object and subresource a path means. Internal to the fake server.
#pragma once

#include <optional>
#include <string>

#include "tests/fakes/kube_api/api_server.h"

namespace ferro::fakes::kube {

inline constexpr const char* kApplyType = "application/apply-patch+yaml";

struct ApiServer::Route {
  KindPtr kind;
  std::string ns, name, sub;

  // Nothing if no kind is meant or known.
  static std::optional<Route> of(const std::string& path, const KindRegistry& kinds);
  static std::string collection(const Kind& kind, const std::string& ns);
  std::pair<std::string, std::string> key() const { return {ns, name}; }
};

}  // namespace ferro::fakes::kube
