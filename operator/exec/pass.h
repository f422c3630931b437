// What an executor needs to know of the pass that an action belongs to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "operator/api/spec.h"
#include "operator/k8s/client.h"
#include "operator/nodeclient/node_client.h"
#include "operator/objects/objects.h"

namespace ferro::oper::exec {

// Objects of the cluster's namespace as the pass saw them: the caches', or asked for where the caches have
// none, since an object of our name without our labels is in no cache.
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  // Null = there is none. An error is the API server's.
  virtual k8s::ApiResult<std::shared_ptr<const k8s::Json>> find(const k8s::Resource& resource,
                                                                std::string_view name) = 0;
};

struct Reachable {
  nodeclient::NodeAccess access;
  nodeclient::NodeAddress address;
};

// Borrowed for the time of the pass.
struct Pass {
  const api::Cluster& cluster;
  const objects::RenderInputs& inputs;
  ObjectSource& objects;
  // The pods that the plan was made from, as the caches had them.
  const std::vector<std::shared_ptr<const k8s::Json>>& pods;
  // Nothing for a member that has no address yet.
  std::function<std::optional<Reachable>(std::string_view member)> reach;
  // Anchors that this process saw published before, PEM; empty = none. Where NAME-ca and NAME-trust are gone
  // both, they alone tell what the members' certificates were issued by.
  std::string_view known_anchors = {};
};

}  // namespace ferro::oper::exec
