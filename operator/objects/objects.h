// What a FerroCacheCluster consists of: pure functions from the spec to the objects that it means, and from a
// wanted and an observed object to "is there anything to write". No I/O, no clock, no state; nothing here
// throws and nothing asserts on what came from the API server.
//
// Secrets are not rendered here, because their content is made and kept (operator/pki): `owned_metadata`
// gives theirs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "operator/api/spec.h"
#include "operator/k8s/client.h"

namespace ferro::oper::objects {

using Json = nlohmann::json;

// What rendering needs beside the resource itself.
struct RenderInputs {
  std::string default_image;  // --node-image: for a cluster that names no image
  // Image of the node container in the StatefulSet as observed; empty = there is none yet. A cluster that
  // names no image keeps it, so that a new operator does not roll it; see `node_image`.
  std::string running_image;
  // Where the operator's pods run, for the NetworkPolicy; empty = it runs outside the cluster.
  std::string operator_namespace;
  bool serves_service_monitors = false;  // the API server knows the kind
  bool serves_prometheus_rules = false;
  // The key of auth.existingSecret that nodes load: "tokens" if the Secret has it, else "token". Ignored
  // without existingSecret.
  std::string external_token_key = "tokens";
};

// Ready for server-side apply: apiVersion, kind, metadata with labels, controller reference and the
// applied-hash annotation.
struct Object {
  k8s::Resource resource;
  Json json;
};

struct ObjectName {
  k8s::Resource resource;
  std::string name;
};

struct Desired {
  std::vector<Object> objects;     // in the order to write them; the StatefulSet last
  std::vector<ObjectName> absent;  // what the spec does not mean (any more): delete it if it is ours
  std::string template_hash;       // the same as on the StatefulSet and its pod template
};

// `statefulset_replicas` is the planner's: it goes down one drained member at a time whatever the spec says.
// Nothing but the StatefulSet's replicas depends on it.
Desired render(const api::Cluster& cluster, const RenderInputs& inputs, int64_t statefulset_replicas);

// spec.image; else what runs already, unless the resource carries the annotation
// `cache.ferrocache.io/follow-release: "true"`; else the operator's own release.
std::string node_image(const api::Cluster& cluster, const RenderInputs& inputs);
// "0.3.1" of "registry/ferrocached:0.3.1", the digest's first 12 digits if it is pinned by digest alone, else
// "latest".
std::string image_version(std::string_view image);
// Of the node container of an observed StatefulSet or Pod; empty if there is none.
std::string node_image_of(const Json& object);
// The template-hash annotation of an observed StatefulSet or Pod; empty if there is none.
std::string template_hash_of(const Json& object);

// Labels and annotations, name, namespace and controller reference of an object of this cluster: for Secrets
// and whatever else is made outside `render`.
Json owned_metadata(const api::Cluster& cluster, std::string_view name);
// Whether the resource is among the owners of a claim, which the StatefulSet's controller makes; and whether
// that StatefulSet is.
bool owns_claim(const api::Cluster& cluster, const Json& claim);
bool set_owns_claim(const api::Cluster& cluster, const Json& claim);
// The claim's owners with the resource among them, as one that is not its controller and holds up nobody's
// deletion; or without it and its StatefulSet. Those of others stay.
Json claim_owners(const api::Cluster& cluster, const Json& claim, bool owned);
// Labels that select this cluster's pods, and as a selector string ("a=b,c=d").
Json pod_selector(const api::Cluster& cluster);
std::string selector_string(const api::Cluster& cluster);

// True if `observed` must be written: its applied-hash annotation is another one, or a field of `desired` has
// another value or is gone. Fields that only `observed` has are somebody else's or the API server's defaults
// and do not count; quantities, empty lists and maps, and numbers are compared by meaning. What can never be
// changed (a StatefulSet's claim templates, selector, service name) does not count either.
bool differs(const Json& desired, const Json& observed);
// Path of the first difference ("spec.template.spec.containers[ferrocached].image"), for the log; empty if
// there is none.
std::string first_difference(const Json& desired, const Json& observed);

// A StatefulSet's immutable fields as observed, put into `desired` so that applying it is not refused. The
// planner compares claim sizes itself and lets the StatefulSet be made anew.
Json with_immutable_fields_of(Json desired, const Json& observed);

enum class Ownership : uint8_t {
  ours,     // controlled by this cluster (by uid)
  unowned,  // nobody controls it
  former,   // controlled by a cluster of this name that is gone: the garbage collector will take it
  foreign,  // somebody else's
};
// Only `ours` may be written or deleted: an object of our name that is somebody else's is never adopted.
Ownership ownership_of(const Json& observed, const api::Cluster& cluster);

}  // namespace ferro::oper::objects
