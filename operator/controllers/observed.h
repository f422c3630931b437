// One cluster at one moment, as read from caches, the API server and the nodes, and the planner's World made
// from it. Values; the function is pure and table-tested.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operator/api/spec.h"
#include "operator/objects/objects.h"
#include "operator/plan/world.h"
#include "operator/runtime/store.h"

namespace ferro::oper::controllers {

// How a probe of a member ended.
struct Probe {
  std::optional<plan::NodeReport> report;
  std::string error;
};

struct Observed {
  api::Cluster cluster;
  std::string invalid;
  bool namespace_terminating = false;
  objects::RenderInputs inputs;
  objects::Desired desired;  // with the replicas that the StatefulSet has
  std::map<std::string, runtime::Object>
      objects;  // what there is of `desired`, by "Kind/name"; null = absent
  std::vector<runtime::Object> pods, claims;
  runtime::Object ca, trust, tls, tokens;  // Secrets; null = absent
  std::string keys_of;                     // versions of ca, trust and tls
  // What an earlier pass made of these very Secrets: reading and checking keys is most of a pass's work.
  std::optional<plan::PkiView> keys;
  std::map<std::string, Probe> probes;                    // by member
  std::map<std::string, std::optional<bool>> expandable;  // by StorageClass
  plan::AutoscaleSample autoscale;
};

std::string kind_and_name(const k8s::Resource& resource, std::string_view name);

plan::World world_of(const Observed& observed);

}  // namespace ferro::oper::controllers
