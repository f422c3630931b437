#include "operator/controllers/observed.h"

#include <algorithm>

#include "operator/api/names.h"
#include "operator/controllers/views.h"
#include "operator/k8s/resources.h"
#include "operator/pki/view.h"

namespace ferro::oper::controllers {
namespace {

using objects::Ownership;

bool is_others(const runtime::Object& object, const api::Cluster& cluster) {
  if (object == nullptr) return false;
  const Ownership ownership = objects::ownership_of(*object, cluster);
  return ownership == Ownership::foreign || ownership == Ownership::unowned;
}

runtime::Object find(const Observed& observed, const std::string& name) {
  const auto found = observed.objects.find(name);
  return found != observed.objects.end() ? found->second : nullptr;
}

bool is_missing(const objects::Object& wanted, const runtime::Object& there, const api::Cluster& cluster) {
  if (there == nullptr) return true;
  if (is_others(there, cluster)) return false;  // told as foreign; applying would change nothing
  if (objects::ownership_of(*there, cluster) == Ownership::former) return true;
  return wanted.resource.plural == k8s::kStatefulSets.plural
             ? objects::differs(objects::with_immutable_fields_of(wanted.json, *there), *there)
             : objects::differs(wanted.json, *there);
}

void compare_objects(const Observed& observed, plan::World& world) {
  for (const objects::Object& wanted : observed.desired.objects) {
    const std::string name =
        kind_and_name(wanted.resource, text_at(object_at(wanted.json, "metadata"), "name"));
    const runtime::Object there = find(observed, name);
    if (is_others(there, observed.cluster)) world.foreign.push_back(name);
    if (is_missing(wanted, there, observed.cluster)) world.missing.push_back(name);
  }
  for (const objects::ObjectName& unwanted : observed.desired.absent) {
    const std::string name = kind_and_name(unwanted.resource, unwanted.name);
    const runtime::Object there = find(observed, name);
    if (there == nullptr || objects::ownership_of(*there, observed.cluster) != Ownership::ours) continue;
    if (text_at(object_at(*there, "metadata"), "deletionTimestamp").empty()) world.missing.push_back(name);
  }
}

// A Secret of our name that is somebody else's is told and not read.
const Json* own_secret(const runtime::Object& secret, const Observed& observed, plan::World& world) {
  if (secret == nullptr) return nullptr;
  if (objects::ownership_of(*secret, observed.cluster) == Ownership::ours) return secret.get();
  world.foreign.push_back(kind_and_name(k8s::kSecrets, text_at(object_at(*secret, "metadata"), "name")));
  return nullptr;
}

void view_keys(const Observed& observed, plan::World& world) {
  const api::ClusterSpec& spec = observed.cluster.spec;
  const Json* const ca = own_secret(observed.ca, observed, world);
  const Json* const trust = own_secret(observed.trust, observed, world);
  const Json* const tls = own_secret(observed.tls, observed, world);
  world.pki = observed.keys
                  ? *observed.keys
                  : pki::view_authorities(observed.cluster.name, observed.cluster.ns, ca, trust, tls);
  const bool external = spec.auth.existing_secret.has_value();
  const Json* const tokens = external ? observed.tokens.get() : own_secret(observed.tokens, observed, world);
  world.tokens = pki::view_tokens(tokens, external);
}

void view_pods(const Observed& observed, plan::World& world) {
  for (const runtime::Object& pod : observed.pods) {
    const auto ordinal = api::ordinal_of(observed.cluster.name, text_at(object_at(*pod, "metadata"), "name"));
    if (!ordinal) continue;
    plan::PodView view = view_pod(*pod, observed.cluster.name, *ordinal);
    if (const auto probe = observed.probes.find(view.name); probe != observed.probes.end()) {
      view.report = probe->second.report;
      view.probe_error = probe->second.error;
    }
    world.pods.push_back(std::move(view));
  }
  std::sort(world.pods.begin(), world.pods.end(),
            [](const plan::PodView& a, const plan::PodView& b) { return a.ordinal < b.ordinal; });
}

void view_claims(const Observed& observed, plan::World& world) {
  for (const runtime::Object& claim : observed.claims) {
    const std::string name = text_at(object_at(*claim, "metadata"), "name");
    const auto ordinal = api::ordinal_of_claim(observed.cluster.name, name);
    if (!ordinal) continue;
    plan::ClaimView view = view_claim(*claim, *ordinal);
    view.owned = objects::owns_claim(observed.cluster, *claim);
    view.owned_by_set = objects::set_owns_claim(observed.cluster, *claim);
    const auto expandable = observed.expandable.find(text_at(object_at(*claim, "spec"), "storageClassName"));
    if (expandable != observed.expandable.end()) view.expandable = expandable->second;
    world.claims.push_back(std::move(view));
  }
  std::sort(world.claims.begin(), world.claims.end(),
            [](const plan::ClaimView& a, const plan::ClaimView& b) { return a.ordinal < b.ordinal; });
}

}  // namespace

std::string kind_and_name(const k8s::Resource& resource, std::string_view name) {
  return std::string(resource.kind) + "/" + std::string(name);
}

plan::World world_of(const Observed& observed) {
  plan::World world;
  world.cluster = observed.cluster;
  world.invalid = observed.invalid;
  world.namespace_terminating = observed.namespace_terminating;
  world.desired_template_hash = observed.desired.template_hash;
  world.default_image_version =
      objects::image_version(objects::node_image(observed.cluster, observed.inputs));
  const runtime::Object statefulset =
      find(observed, kind_and_name(k8s::kStatefulSets, observed.cluster.name));
  if (statefulset != nullptr && objects::ownership_of(*statefulset, observed.cluster) == Ownership::ours) {
    world.statefulset = view_statefulset(*statefulset, observed.cluster.name);
  }
  view_pods(observed, world);
  view_claims(observed, world);
  view_keys(observed, world);
  // What a spec that cannot be meant would render to says nothing about what is there.
  if (observed.invalid.empty()) compare_objects(observed, world);
  std::sort(world.foreign.begin(), world.foreign.end());
  world.autoscale = observed.autoscale;
  return world;
}

}  // namespace ferro::oper::controllers
