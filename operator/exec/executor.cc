#include "operator/exec/executor.h"

#include <set>
#include <type_traits>
#include <utility>

#include "operator/api/names.h"
#include "operator/exec/json_fields.h"
#include "operator/exec/key_actions.h"
#include "operator/k8s/resources.h"
#include "operator/runtime/store.h"

namespace ferro::oper::exec {
namespace {

template <typename T, typename... Types>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Types> || ...);

template <typename T>
inline constexpr bool kIsKeyAction =
    kIsOneOf<T, plan::CreateAuthority, plan::PublishNextAuthority, plan::PromoteAuthority,
             plan::DropPreviousAuthority, plan::RepublishTrust, plan::IssueLeaves, plan::MintToken,
             plan::SwitchToken, plan::DropOldToken>;

std::string named(const k8s::Resource& resource, std::string_view name) {
  return std::string(resource.kind) + " " + std::string(name);
}

std::string cluster_key(const Pass& pass) {
  return runtime::key_of(pass.cluster.ns, pass.cluster.name);
}

// A member less by this one's doing, now or when it is done.
bool takes_out(const plan::Action& action) {
  return plan::is_disruptive(action) && !std::holds_alternative<plan::Compact>(action);
}

std::string describe(const k8s::Json& pod) {
  return metadata_text(pod, "name") + " " + metadata_text(pod, "uid") +
         (metadata_text(pod, "deletionTimestamp").empty() ? "" : " terminating");
}

// How many pods there are to be, and of which StatefulSet.
std::string describe_set(const k8s::Json& set) {
  const k8s::Json::json_pointer replicas("/spec/replicas");
  return metadata_text(set, "uid") + " " + (set.contains(replicas) ? set.at(replicas).dump() : "");
}

Outcome has_changed(const std::string& what) {
  Outcome outcome = Outcome::failed(Status::unavailable(what + " changed meanwhile"));
  outcome.api_error = k8s::ErrorKind::conflict;
  return outcome;
}

}  // namespace

Outcome Executor::perform(const plan::Action& action, const Pass& pass) {
  if (gate_.write_allowance_ms() <= 0) {
    Outcome outcome = Outcome::failed(
        Status(StatusCode::failed_precondition, "this process does not lead (any more): nothing is changed"));
    outcome.api_error = k8s::ErrorKind::not_leader;
    return outcome;
  }
  if (takes_out(action)) {
    if (auto outcome = look_again(pass)) return *std::move(outcome);
  }
  return std::visit(
      [&](const auto& what) -> Outcome {
        using Action = std::decay_t<decltype(what)>;
        if constexpr (kIsKeyAction<Action>) {
          SecretEditor secrets(client_, expectations_, pass.cluster, clock_.wall_ms());
          return KeyActions(secrets, pass.cluster, clock_.wall_ms() / 1000, pass.known_anchors).perform(what);
        } else if constexpr (std::is_same_v<Action, plan::ApplyObjects>) {
          return apply_objects(what, pass);
        } else if constexpr (std::is_same_v<Action, plan::StartDrain>) {
          return tell(what.member, pass, &nodeclient::NodeClient::start_drain);
        } else if constexpr (std::is_same_v<Action, plan::CancelDrain>) {
          return tell(what.member, pass, &nodeclient::NodeClient::cancel_drain);
        } else if constexpr (std::is_same_v<Action, plan::Compact>) {
          return tell(what.member, pass, &nodeclient::NodeClient::compact);
        } else if constexpr (std::is_same_v<Action, plan::DeletePod>) {
          return remove(k8s::kPods, what.pod, what.uid, pass);
        } else if constexpr (std::is_same_v<Action, plan::DeleteClaim>) {
          return remove(k8s::kClaims, what.claim, what.uid, pass);
        } else if constexpr (std::is_same_v<Action, plan::RecreateStatefulSet>) {
          return remove(k8s::kStatefulSets, pass.cluster.name, what.uid, pass, k8s::Propagation::orphan);
        } else if constexpr (std::is_same_v<Action, plan::GrowClaim>) {
          return grow_claim(what, pass);
        } else if constexpr (std::is_same_v<Action, plan::OwnClaim>) {
          return own_claim(what, pass);
        } else {
          static_assert(std::is_same_v<Action, plan::SetReplicas>, "an action that nobody performs");
          return set_replicas(what, pass);
        }
      },
      action);
}

// The caches are behind by a moment, by minutes where a watch hangs: a person or an eviction may have taken a
// member out already. Whatever takes one out is done only while the pods are those that it was decided upon.
std::optional<Outcome> Executor::look_again(const Pass& pass) {
  k8s::ListOptions options;
  options.ns = pass.cluster.ns;
  // As the caches choose them.
  options.label_selector =
      std::string(api::kSelectorAll) + "," + std::string(api::kLabelInstance) + "=" + pass.cluster.name;
  const auto live = client_.list(k8s::kPods, options);
  if (!live.ok()) return Outcome::failed(live.error(), "looking at the pods once more");
  std::set<std::string> seen, there;
  for (const auto& pod : pass.pods) seen.insert(describe(*pod));
  for (const k8s::Json& pod : live.value().items) there.insert(describe(pod));
  if (seen == there) return std::nullopt;
  return has_changed("the pods have");
}

// The same of how many pods there are to be: where the answer to a write was lost, nothing tells that the
// caches are behind it, and what was scaled up would be taken back.
std::optional<Outcome> Executor::look_again_at_set(const Pass& pass) {
  const auto found = pass.objects.find(k8s::kStatefulSets, pass.cluster.name);
  if (!found.ok()) return Outcome::failed(found.error(), "looking at the StatefulSet");
  const auto live = client_.get(k8s::kStatefulSets, pass.cluster.ns, pass.cluster.name);
  const bool absent = !live.ok() && live.error().kind == k8s::ErrorKind::not_found;
  if (!live.ok() && !absent) return Outcome::failed(live.error(), "looking at the StatefulSet once more");
  const k8s::Json* const seen = found.value().get();
  const bool same = seen == nullptr ? absent : !absent && describe_set(*seen) == describe_set(live.value());
  if (same) return std::nullopt;
  return has_changed("the StatefulSet has");
}

Outcome Executor::wrote(const k8s::Resource& resource, const k8s::ApiResult<k8s::Json>& answer,
                        const Pass& pass, const std::string& doing) {
  if (!answer.ok()) return Outcome::failed(answer.error(), doing);
  expectations_.wrote(cluster_key(pass), resource, answer.value(), clock_.wall_ms());
  return Outcome::done();
}

Outcome Executor::apply_objects(const plan::ApplyObjects& action, const Pass& pass) {
  if (auto outcome = look_again_at_set(pass)) return *std::move(outcome);
  const objects::Desired desired = objects::render(pass.cluster, pass.inputs, action.statefulset_replicas);
  Outcome all;
  for (const objects::Object& wanted : desired.objects) {
    Outcome one = apply_object(wanted, pass);
    if (!one.ok()) return one;
    all.changed |= one.changed;
  }
  for (const objects::ObjectName& unwanted : desired.absent) {
    Outcome one = remove_object(unwanted.resource, unwanted.name, pass);
    if (!one.ok()) return one;
    all.changed |= one.changed;
  }
  return all;
}

Outcome Executor::apply_object(const objects::Object& wanted, const Pass& pass) {
  const std::string name = metadata_text(wanted.json, "name");
  const std::string doing = "applying " + named(wanted.resource, name);
  const auto found = pass.objects.find(wanted.resource, name);
  if (!found.ok()) return Outcome::failed(found.error(), doing);
  k8s::Json object = wanted.json;
  if (const auto& observed = found.value()) {
    switch (objects::ownership_of(*observed, pass.cluster)) {
      case objects::Ownership::ours:
        break;
      case objects::Ownership::former:
        return Outcome::failed(
            Status::unavailable(doing + ": that of a former cluster of this name is still being removed"));
      case objects::Ownership::unowned:
      case objects::Ownership::foreign:
        return Outcome::nothing();  // told in status; the others are not kept waiting for it
    }
    if (wanted.resource.plural == k8s::kStatefulSets.plural) {
      object = objects::with_immutable_fields_of(std::move(object), *observed);
    }
    if (!objects::differs(object, *observed)) return Outcome::nothing();
    // A condition: it is still the one that was looked at.
    object["metadata"]["uid"] = metadata_text(*observed, "uid");
  }
  return wrote(wanted.resource, client_.apply(wanted.resource, object, k8s::Subresource::none), pass, doing);
}

Outcome Executor::remove_object(const k8s::Resource& resource, const std::string& name, const Pass& pass) {
  const auto found = pass.objects.find(resource, name);
  if (!found.ok()) return Outcome::failed(found.error(), "deleting " + named(resource, name));
  const auto& observed = found.value();
  if (observed == nullptr || objects::ownership_of(*observed, pass.cluster) != objects::Ownership::ours ||
      !metadata_text(*observed, "deletionTimestamp").empty()) {
    return Outcome::nothing();
  }
  return remove(resource, name, metadata_text(*observed, "uid"), pass);
}

Outcome Executor::remove(const k8s::Resource& resource, const std::string& name, const std::string& uid,
                         const Pass& pass, k8s::Propagation propagation) {
  const auto removed = client_.remove(resource, pass.cluster.ns, name, {uid, ""}, propagation);
  if (!removed.ok()) {
    // Gone, or another one by the same name: what was to be deleted is no more.
    const k8s::ErrorKind kind = removed.error().kind;
    if (kind == k8s::ErrorKind::not_found || kind == k8s::ErrorKind::conflict) return Outcome::nothing();
    return Outcome::failed(removed.error(), "deleting " + named(resource, name));
  }
  expectations_.deleted(cluster_key(pass), resource, pass.cluster.ns, name, uid, clock_.wall_ms());
  return Outcome::done();
}

Outcome Executor::grow_claim(const plan::GrowClaim& action, const Pass& pass) {
  const k8s::Json patch = {{"spec", {{"resources", {{"requests", {{"storage", action.size}}}}}}}};
  return wrote(k8s::kClaims,
               client_.patch(k8s::kClaims, pass.cluster.ns, action.claim, patch, k8s::Subresource::none),
               pass, "growing " + named(k8s::kClaims, action.claim) + " to " + action.size);
}

Outcome Executor::own_claim(const plan::OwnClaim& action, const Pass& pass) {
  const std::string doing = "changing the owners of " + named(k8s::kClaims, action.claim);
  const auto found = pass.objects.find(k8s::kClaims, action.claim);
  if (!found.ok()) return Outcome::failed(found.error(), doing);
  if (found.value() == nullptr) return Outcome::nothing();
  const k8s::Json& claim = *found.value();
  // The list is written as a whole: on the condition that it is still the one that was read.
  const k8s::Json patch = {{"metadata",
                            {{"uid", metadata_text(claim, "uid")},
                             {"resourceVersion", metadata_text(claim, "resourceVersion")},
                             {"ownerReferences", objects::claim_owners(pass.cluster, claim, action.owned)}}}};
  const auto written =
      client_.patch(k8s::kClaims, pass.cluster.ns, action.claim, patch, k8s::Subresource::none);
  // Somebody was faster, as the StatefulSet's controller is with a claim that it has just made. That brings
  // an event, and with it the next pass.
  if (!written.ok() &&
      (written.error().kind == k8s::ErrorKind::conflict || written.error().kind == k8s::ErrorKind::not_found))
    return Outcome::nothing();
  return wrote(k8s::kClaims, written, pass, doing);
}

Outcome Executor::set_replicas(const plan::SetReplicas& action, const Pass& pass) {
  const k8s::Json patch = {{"spec", {{"replicas", action.replicas}}}};
  const auto scaled =
      client_.patch(k8s::kClusters, pass.cluster.ns, pass.cluster.name, patch, k8s::Subresource::scale);
  // The answer is a Scale with the cluster's name and resource version.
  return wrote(k8s::kClusters, scaled, pass, "scaling to " + std::to_string(action.replicas));
}

Outcome Executor::tell(const std::string& member, const Pass& pass,
                       Status (nodeclient::NodeClient::*command)(const nodeclient::NodeAccess&,
                                                                 const nodeclient::NodeAddress&)) {
  const auto node = pass.reach(member);
  if (!node) return Outcome::failed(Status::unavailable(member + " has no address"));
  const Status told = (nodes_.*command)(node->access, node->address);
  return told.ok() ? Outcome::done() : Outcome::failed(told);
}

}  // namespace ferro::oper::exec
