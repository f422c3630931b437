#include "operator/controllers/cluster_controller.h"

#include <algorithm>
#include <utility>

#include "common/obs/log.h"
#include "operator/api/names.h"
#include "operator/controllers/describe.h"
#include "operator/controllers/pass_objects.h"
#include "operator/controllers/prober.h"
#include "operator/controllers/views.h"
#include "operator/k8s/resources.h"
#include "operator/pki/secret_json.h"
#include "operator/pki/tokens.h"

namespace ferro::oper::controllers {
namespace {

constexpr int64_t kCacheBehindMs = 200;    // look again then, if no event came first
constexpr int64_t kAfterChangeMs = 1'000;  // what was told to nodes raises no event
constexpr int64_t kTerminatingLookMs = 10'000;

// Refused for good: repeating helps nobody until somebody changes something, so status tells it.
bool is_worth_telling(const exec::Outcome& outcome) {
  if (outcome.terminating) return false;
  if (outcome.api_error) {
    return *outcome.api_error == k8s::ErrorKind::forbidden || *outcome.api_error == k8s::ErrorKind::invalid;
  }
  const StatusCode code = outcome.status.code();
  return code != StatusCode::unavailable && code != StatusCode::unreachable;
}

// What the API server refuses, it refuses until somebody changes something: beside the blocker it is what is
// wrong with the cluster, whatever else is under way.
void add_refusal(plan::Plan& plan, std::string_view action, const std::string& message) {
  plan.status.blocked_by.push_back({std::string(action), "Refused", "", 0, message});
  for (api::Condition& one : plan.status.conditions) {
    if (one.type == "Degraded" && one.status != "True") {
      one.status = "True";
      one.reason = "Refused";
      one.message = message;
    }
    if (one.type == "Progressing" && one.status == "True")
      one.message += (one.message.empty() ? "waits: " : "; waits: ") + message;
  }
  if (plan.status.phase == "Ready") plan.status.phase = "Degraded";
}

// Nothing waits for a kind that is asked for and that the API server does not know; somebody may.
void tell_unserved_kinds(const Observed& observed, plan::Plan& plan) {
  if (!observed.invalid.empty()) return;
  const auto tell = [&plan](api::Toggle toggle, bool served, const k8s::Resource& kind,
                            std::string_view field) {
    if (toggle != api::Toggle::on || served) return;
    plan.status.blocked_by.push_back(
        {"Apply", "KindNotServed", "", 0,
         "spec.monitoring." + std::string(field) + " is enabled and the API server does not know " +
             std::string(kind.kind) +
             "s: install their definition (Prometheus Operator), or set it to auto"});
  };
  const auto& asked = observed.cluster.spec.monitoring;
  tell(asked.service_monitor, observed.inputs.serves_service_monitors, k8s::kServiceMonitors,
       "serviceMonitor");
  tell(asked.prometheus_rule, observed.inputs.serves_prometheus_rules, k8s::kPrometheusRules,
       "prometheusRule");
}

// The key that the pods of a cluster with a Secret of the user's load from it. While that Secret is away they
// go on with the key that they have: it says nothing of another.
std::string external_token_key(const runtime::Object& secret, const runtime::Object& statefulset) {
  if (secret != nullptr)
    return std::string(pki::data_of(*secret, pki::kTokensKey).ok() ? pki::kTokensKey : pki::kTokenKey);
  if (statefulset != nullptr) {
    const Json& pod = object_at(object_at(object_at(*statefulset, "spec"), "template"), "spec");
    const Json& volume = element_with(array_at(pod, "volumes"), "name", "tokens");
    const Json& items = array_at(object_at(volume, "secret"), "items");
    if (!items.empty()) return text_at(items.front(), "key");
  }
  return std::string(pki::kTokensKey);
}

k8s::Json status_object(const api::Cluster& cluster, k8s::Json status) {
  const std::string version = std::string(k8s::kClusters.group) + "/" + std::string(k8s::kClusters.version);
  return {{"apiVersion", version},
          {"kind", k8s::kClusters.kind},
          {"metadata", {{"name", cluster.name}, {"namespace", cluster.ns}, {"uid", cluster.uid}}},
          {"status", std::move(status)}};
}

}  // namespace

struct ClusterController::Look {
  const std::string key;
  const runtime::Object object;
  PassObjects objects;
  const std::shared_ptr<Memory> memory;
  const int64_t now_unix;
};

ClusterController::ClusterController(const ControllerParts& parts, ControllerOptions options)
    : parts_(parts),
      options_(std::move(options)),
      executor_(parts.client, parts.nodes, parts.gate, expectations_, parts.clock),
      served_(parts.client, parts.clock) {}

std::shared_ptr<ClusterController::Memory> ClusterController::memory_of(const std::string& key,
                                                                        const std::string& uid) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Memory>& memory = memories_[key];
  if (memory == nullptr || memory->uid != uid) {
    memory = std::make_shared<Memory>();
    memory->uid = uid;
  }
  return memory;
}

void ClusterController::forget(const std::string& key) {
  std::shared_ptr<Memory> memory;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = memories_.find(key); found != memories_.end()) {
      memory = std::move(found->second);
      memories_.erase(found);
    }
  }
  expectations_.forget(key);
  parts_.figures.forget(key);
  if (memory != nullptr) parts_.events.forget(memory->uid);
}

runtime::Outcome ClusterController::reconcile(const std::string& key) {
  const auto [ns, name] = runtime::split_key(key);
  runtime::Object object = parts_.caches.get(k8s::kClusters, ns, name);
  if (object == nullptr) {
    forget(key);
    return {};
  }
  const int64_t started_ns = parts_.clock.steady_ns(), now_ms = parts_.clock.wall_ms();
  const exec::CachedObject cached = [this](const k8s::Resource& resource, std::string_view in,
                                           std::string_view of) {
    return parts_.caches.get(resource, in, of);
  };
  if (!expectations_.settled(key, cached, now_ms)) return {true, kCacheBehindMs, 0};

  const std::string uid = api::parse_identity(*object).uid;
  Look look{key, object, PassObjects(parts_.caches, parts_.client, ns), memory_of(key, uid), now_ms / 1000};
  runtime::Outcome outcome;
  auto observed = observe(look);
  if (!observed.ok()) {
    plan::Plan none;
    outcome = conclude(look, exec::Outcome::failed(observed.error(), "looking at " + key), none);
  } else if (observed.value().cluster.deleting) {
    parts_.figures.forget(key);  // owner references do the rest
  } else {
    const plan::World world = world_of(observed.value());
    look.memory->keys = world.pki;
    look.memory->keys_of = observed.value().keys_of;
    plan::Plan plan = plan::make_plan(world, look.now_unix);
    tell_unserved_kinds(observed.value(), plan);
    exec::Outcome done = perform(look, observed.value(), plan);
    const exec::Outcome written = write_status(look, observed.value(), plan);
    tell(look, observed.value(), plan);
    if (done.ok() && !written.ok()) done = written;
    outcome = conclude(look, done, plan);
  }
  parts_.observer.on_pass(outcome.ok, (parts_.clock.steady_ns() - started_ns) / 1000);
  return outcome;
}

k8s::ApiResult<Observed> ClusterController::observe(Look& look) {
  Observed observed;
  auto parsed = api::parse_cluster(*look.object);
  if (parsed.ok()) {
    observed.cluster = std::move(parsed).value();
  } else {
    observed.cluster = api::parse_identity(*look.object);
    observed.invalid = parsed.status().message();
  }
  if (observed.cluster.deleting) return observed;
  observed.namespace_terminating = look.memory->namespace_terminating;
  if (auto error = observe_objects(look, observed)) return *std::move(error);
  observe_classes(look, observed);
  observe_nodes(look, observed);
  return observed;
}

std::optional<k8s::ApiError> ClusterController::observe_objects(Look& look, Observed& observed) {
  api::Cluster& cluster = observed.cluster;
  std::optional<k8s::ApiError> failed;
  const auto find = [&](const k8s::Resource& resource, const std::string& name) -> runtime::Object {
    auto found = look.objects.find(resource, name);
    if (found.ok()) return std::move(found).value();
    if (!failed) failed = found.error();
    return nullptr;
  };

  const runtime::Object statefulset = find(k8s::kStatefulSets, cluster.name);
  observed.objects[kind_and_name(k8s::kStatefulSets, cluster.name)] = statefulset;
  // Without TLS its Secrets matter only while pods that were made with it still run.
  const auto secret = [&](const std::string& name, bool wanted) {
    return wanted ? find(k8s::kSecrets, name) : parts_.caches.get(k8s::kSecrets, cluster.ns, name);
  };
  const api::ClusterSpec& spec = cluster.spec;
  observed.ca = secret(api::ca_secret(cluster.name), spec.tls.enabled);
  observed.trust = secret(api::trust_secret(cluster.name), spec.tls.enabled);
  observed.tls = secret(api::tls_secret(cluster.name), spec.tls.enabled);
  observed.tokens =
      secret(spec.auth.existing_secret.value_or(api::token_secret(cluster.name)), spec.auth.enabled);
  observed.keys_of = version_of(observed.ca) + " " + version_of(observed.trust) + " ";
  observed.keys_of += version_of(observed.tls);
  if (look.memory->keys_of == observed.keys_of) observed.keys = look.memory->keys;
  observed.pods = parts_.caches.of_cluster(k8s::kPods, cluster.ns, cluster.name);
  observed.claims = parts_.caches.of_cluster(k8s::kClaims, cluster.ns, cluster.name);
  for (const runtime::Object& claim : observed.claims) look.objects.remember(k8s::kClaims, claim);
  if (!observed.invalid.empty()) return failed;

  std::vector<const Json*> claims;
  for (const runtime::Object& claim : observed.claims) claims.push_back(claim.get());
  const runtime::Object config_map = find(k8s::kConfigMaps, api::config_map(cluster.name));
  const auto own = [&](const runtime::Object& object) {
    const bool is_own =
        object != nullptr && objects::ownership_of(*object, cluster) == objects::Ownership::ours;
    return is_own ? object.get() : nullptr;
  };
  cluster.volumes_id = volumes_id(own(statefulset), own(config_map), claims, cluster);

  objects::RenderInputs& inputs = observed.inputs;
  inputs.default_image = options_.default_image;
  inputs.operator_namespace = options_.operator_namespace;
  if (statefulset != nullptr) {
    std::vector<const Json*> pods;
    for (const runtime::Object& pod : observed.pods) pods.push_back(pod.get());
    inputs.running_image = running_image(*statefulset, pods);
  }
  inputs.serves_service_monitors = served_.serves(k8s::kServiceMonitors);
  inputs.serves_prometheus_rules = served_.serves(k8s::kPrometheusRules);
  if (spec.auth.existing_secret) inputs.external_token_key = external_token_key(observed.tokens, statefulset);
  const int64_t replicas =
      statefulset != nullptr ? view_statefulset(*statefulset, cluster.name).replicas : spec.replicas;
  observed.desired = objects::render(cluster, inputs, replicas);
  for (const objects::Object& wanted : observed.desired.objects) {
    const std::string name = text_at(object_at(wanted.json, "metadata"), "name");
    observed.objects[kind_and_name(wanted.resource, name)] = find(wanted.resource, name);
  }
  for (const objects::ObjectName& unwanted : observed.desired.absent) {
    observed.objects[kind_and_name(unwanted.resource, unwanted.name)] =
        find(unwanted.resource, unwanted.name);
  }
  return failed;
}

// Only where a claim is to grow: whether its class can do that.
void ClusterController::observe_classes(Look& look, Observed& observed) {
  for (const runtime::Object& claim : observed.claims) {
    if (view_claim(*claim, 0).requested_bytes >= observed.cluster.spec.storage.size_bytes) continue;
    const std::string name = text_at(object_at(*claim, "spec"), "storageClassName");
    if (name.empty() || observed.expandable.count(name) != 0) continue;
    const auto found = look.objects.find(k8s::kStorageClasses, name);
    // Without the right to look (an operator of some namespaces) the attempt tells.
    std::optional<bool>& expandable = observed.expandable[name];
    if (found.ok() && found.value() != nullptr) expandable = flag_at(*found.value(), "allowVolumeExpansion");
  }
}

void ClusterController::observe_nodes(Look& look, Observed& observed) {
  NodeAccessBook& book = look.memory->access;
  book.update(observed.cluster, observed.ca, observed.trust, observed.tokens, look.now_unix);
  std::vector<plan::PodView> pods;
  for (const runtime::Object& pod : observed.pods) {
    const std::string name = text_at(object_at(*pod, "metadata"), "name");
    if (const auto ordinal = api::ordinal_of(observed.cluster.name, name)) {
      pods.push_back(view_pod(*pod, observed.cluster.name, *ordinal));
    }
  }
  observed.probes = probe_all(parts_.nodes, book, observed.cluster, pods);
  AutoscaleSampler& sampler = look.memory->sampler;
  if (sampler.wants_figures(observed.cluster.spec, look.now_unix)) {
    std::erase_if(pods, [](const plan::PodView& pod) { return !pod.ready; });
    sampler.add(figures_all(parts_.nodes, book, observed.cluster, pods), look.now_unix);
  }
  observed.autoscale = sampler.sample(observed.cluster.spec, look.now_unix);
}

exec::Outcome ClusterController::perform(Look& look, const Observed& observed, plan::Plan& plan) {
  const exec::Pass pass{
      observed.cluster,
      observed.inputs,
      look.objects,
      observed.pods,
      [&](std::string_view member) -> std::optional<exec::Reachable> {
        for (const runtime::Object& pod : observed.pods) {
          if (text_at(object_at(*pod, "metadata"), "name") != member) continue;
          const auto ordinal = api::ordinal_of(observed.cluster.name, member);
          if (!ordinal) return std::nullopt;
          const plan::PodView view = view_pod(*pod, observed.cluster.name, *ordinal);
          auto access = look.memory->access.access(view.tls);
          if (view.ip.empty() || !access.ok()) return std::nullopt;
          return exec::Reachable{std::move(access).value(), address_of(observed.cluster, view)};
        }
        return std::nullopt;
      },
      look.memory->access.anchors()};
  exec::Outcome all;
  for (const plan::Action& action : plan.actions) {
    exec::Outcome one = executor_.perform(action, pass);
    parts_.observer.on_action(plan::name_of(action), one.ok());
    if (!one.ok()) {
      if (is_worth_telling(one)) {
        add_refusal(plan, plan::name_of(action), one.status.message());
        plan.events.push_back({true, "ActionFailed", describe(action) + ": " + one.status.message()});
      }
      one.status = one.status.with_context(describe(action));
      one.changed |= all.changed;
      return one;
    }
    if (!one.changed) continue;
    all.changed = true;
    if (std::holds_alternative<plan::SetReplicas>(action)) look.memory->sampler.scaled(look.now_unix);
    obs::info("done", {{"cluster", look.key}, {"action", describe(action)}});
  }
  return all;
}

exec::Outcome ClusterController::write_status(Look& look, const Observed& observed, plan::Plan& plan) {
  const api::Cluster& cluster = observed.cluster;
  api::carry_transitions(cluster.status, look.now_unix, plan.status);
  ClusterFigures figures;
  figures.phase = plan.status.phase;
  figures.desired = cluster.spec.replicas;
  figures.ready = plan.status.ready_replicas;
  figures.paused = cluster.spec.paused;
  for (const api::Condition& condition : plan.status.conditions)
    figures.conditions[condition.type] = condition.status;
  figures.expiries = {{"ca", plan.status.ca_not_after_unix},
                      {"node", plan.status.cert_not_after_unix},
                      {"operator", look.memory->access.leaf_not_after_unix()}};
  figures.blocked = plan.status.blocked_by;
  parts_.figures.set(look.key, std::move(figures));

  k8s::Json status = api::to_json(plan.status);
  if (status == cluster.status) return exec::Outcome::nothing();
  const auto written = parts_.client.apply(k8s::kClusters, status_object(cluster, std::move(status)),
                                           k8s::Subresource::status);
  if (!written.ok()) {
    // Deleted meanwhile: there is nobody to tell.
    if (written.error().kind == k8s::ErrorKind::not_found) return exec::Outcome::nothing();
    return exec::Outcome::failed(written.error(), "writing status");
  }
  expectations_.wrote(look.key, k8s::kClusters, written.value(), parts_.clock.wall_ms());
  return exec::Outcome::done();
}

void ClusterController::tell(Look& look, const Observed& /*observed*/, const plan::Plan& plan) {
  const runtime::Regarding about = runtime::regarding(*look.object);
  for (const plan::Event& event : plan.events) {
    parts_.events.record(about, {event.warning, event.reason, "", event.message});
  }
}

runtime::Outcome ClusterController::conclude(Look& look, const exec::Outcome& outcome,
                                             const plan::Plan& plan) const {
  if (outcome.ok()) {
    const int64_t revisit_ms =
        outcome.changed ? std::min(plan.next_look_ms, kAfterChangeMs) : plan.next_look_ms;
    return {true, revisit_ms, 0};
  }
  if (outcome.terminating) {
    // Whatever is missing in a namespace that goes is going too.
    look.memory->namespace_terminating = true;
    return {true, kTerminatingLookMs, 0};
  }
  const bool routine =
      outcome.api_error == k8s::ErrorKind::conflict || outcome.api_error == k8s::ErrorKind::not_leader;
  obs::log(routine ? obs::Level::info : obs::Level::warn, "the pass ended early",
           {{"cluster", look.key}, {"reason", outcome.status.message()}});
  return {false, -1, outcome.retry_after_ms};
}

}  // namespace ferro::oper::controllers
