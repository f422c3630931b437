// A parsed cluster and its rendering, for tests of operator/objects.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "operator/api/spec.h"
#include "operator/objects/objects.h"

namespace ferro::oper::objects {

inline constexpr const char* kUid = "6f1c9f0e-2b7a-4c55-9d0a-0d6d5b1f7a11";

// The same identity for all, so that only the spec decides what is rendered.
inline api::Cluster cluster_of(const Json& spec, const std::string& name = "demo") {
  const Result<api::Cluster> cluster = api::parse_cluster(
      {{"metadata", {{"name", name}, {"namespace", "shop"}, {"uid", kUid}, {"generation", 1}}},
       {"spec", spec}});
  EXPECT_TRUE(cluster.ok()) << spec.dump() << ": " << cluster.status().message();
  return cluster.ok() ? *cluster : api::Cluster();
}

inline RenderInputs usual_inputs() {
  RenderInputs inputs;
  inputs.default_image = "registry.example/ferrocached:0.2.0";
  inputs.operator_namespace = "ferrocache-system";
  inputs.serves_service_monitors = true;
  inputs.serves_prometheus_rules = true;
  return inputs;
}

inline const Json* find_object(const Desired& desired, std::string_view kind, std::string_view name) {
  for (const Object& object : desired.objects) {
    if (object.resource.kind == kind && object.json["metadata"]["name"] == name) return &object.json;
  }
  return nullptr;
}

}  // namespace ferro::oper::objects
