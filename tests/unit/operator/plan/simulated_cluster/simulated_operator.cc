#include "tests/unit/operator/plan/simulated_cluster/simulated_operator.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "operator/api/names.h"

namespace ferro::oper::plan::sim {
namespace {

constexpr size_t kDifferenceShown = 500;

template <typename T>
bool is(const Action& action) {
  return std::holds_alternative<T>(action);
}

int64_t ordinal_of(const std::string& member) {
  return std::stoll(member.substr(member.rfind('-') + 1));
}

PodView view_of(const SimulatedCluster&, const Pod& pod) {
  PodView view;
  view.name = api::member("demo", pod.ordinal);
  view.ordinal = pod.ordinal;
  view.uid = pod.uid;
  view.scheduled = true;
  view.ready = pod.kubelet_says_ready;
  if (!view.ready) view.not_ready_since_unix = pod.not_ready_since;
  view.terminating = pod.deletion != 0;
  view.deletion_unix = pod.deletion;
  view.template_hash = pod.made_from.hash();
  view.tls = pod.made_from.tls;
  view.created_unix = pod.created;
  view.never_ran = !pod.kubelet_says_started && !pod.mounted;
  view.node_name = "worker-" + std::to_string(pod.host);
  if (!pod.kubelet_says_started) {
    const Fate fate = fate_of(pod.made_from.image);
    view.waiting_reason = fate == Fate::cannot_pull ? "ImagePullBackOff"
                          : fate == Fate::crashes   ? "CrashLoopBackOff"
                                                    : "ContainerCreating";
  }
  return view;
}

ClaimView view_of(int64_t ordinal, const Claim& claim) {
  ClaimView view;
  view.name = api::claim("demo", ordinal);
  view.ordinal = ordinal;
  view.uid = claim.uid;
  view.phase = claim.lost ? "Lost" : "Bound";
  view.terminating = claim.terminating;
  view.owned = claim.owned;
  view.created_unix = claim.created;
  view.requested_bytes = view.capacity_bytes = claim.bytes;
  view.expandable = true;
  view.resize_pending = claim.resize_pending_since != 0;
  view.resize_pending_unix = claim.resize_pending_since;
  return view;
}

PkiView view_of(const Secrets& secrets) {
  PkiView view;
  view.current = secrets.current;
  view.next = secrets.next;
  view.previous = secrets.previous;
  view.replaced_generation = secrets.replaced;
  view.rotated_generation = secrets.rotated;
  view.published = secrets.trust;
  view.leaves = secrets.leaves;
  return view;
}

TokenView view_of(const std::optional<Tokens>& tokens) {
  TokenView view;
  if (!tokens) return view;
  view.exists = true;
  view.current_generation = tokens->current;
  view.newest_generation = *tokens->accepted.rbegin();
  for (const int64_t generation : tokens->accepted) {
    if (generation < tokens->current) view.previous_generation = generation;
  }
  view.minted_unix = tokens->minted;
  view.switched_unix = tokens->switched;
  view.rotated_generation = tokens->rotated;
  return view;
}

bool lists(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

void add(std::vector<std::string>& all, const std::optional<Authority>& one) {
  if (one && !lists(all, one->fingerprint)) all.push_back(one->fingerprint);
}

}  // namespace

World SimulatedOperator::world_of(const Objects& seen, const Chaos& chaos) {
  World world;
  world.cluster.ns = "shop";
  world.cluster.name = "demo";
  world.cluster.created_unix = 1'800'000'000;
  world.cluster.generation = seen.generation;
  world.cluster.spec = seen.spec;
  world.cluster.status = seen.status;
  rendered_ = template_of(seen.spec);
  world.desired_template_hash = rendered_.hash();
  if (seen.set) {
    StatefulSetView view;
    view.uid = seen.set->uid;
    view.replicas = seen.set->replicas;
    view.claim_bytes = seen.set->claim_bytes;
    view.template_hash = seen.set->pod_template.hash();
    view.tls = seen.set->pod_template.tls;
    view.observed = seen.set->observed == seen.set->generation;
    view.pods_made = seen.set->pods_made;
    world.statefulset = view;
  } else {
    world.missing.emplace_back("StatefulSet/demo");
  }
  if (seen.service_missing) world.missing.emplace_back("Service/demo");
  for (const auto& [ordinal, pod] : seen.pods) {
    world.pods.push_back(view_of(cluster_, pod));
    PodView& view = world.pods.back();
    // Probes are of now, whatever the caches say.
    const auto live = cluster_.objects().pods.find(ordinal);
    if (live == cluster_.objects().pods.end() || cluster_.chance(chaos.probe_fails)) {
      view.probe_error = "no answer in time";
    } else {
      view.report = cluster_.probe(live->second, view.probe_error);
    }
  }
  for (const auto& [ordinal, claim] : seen.claims) world.claims.push_back(view_of(ordinal, claim));
  world.pki = view_of(seen.secrets);
  world.tokens = view_of(seen.secrets.tokens);
  return world;
}

void SimulatedOperator::pass(const Chaos& chaos, std::vector<std::string>& faults) {
  history_.push_back(cluster_.objects());
  history_at_.push_back(cluster_.now());
  while (history_.size() > 3) {
    history_.pop_front();
    history_at_.pop_front();
  }
  size_t index = history_.size() - 1;
  while (index > 0 && history_at_[index - 1] >= seen_at_ && cluster_.chance(chaos.lag)) --index;
  seen_at_ = history_at_[index];
  const World world = world_of(history_[index], chaos);
  const bool behind = seen_at_ <= wrote_at_;  // what was written in that very step is not in it
  plan_ = make_plan(world, cluster_.now());

  const auto disruptive = std::count_if(plan_.actions.begin(), plan_.actions.end(), is_disruptive);
  if (disruptive > 1) faults.push_back("more than one disruptive action in a plan");
  bool failed = false;
  for (const Action& action : plan_.actions) {
    const bool takes_out = is_disruptive(action) && !std::holds_alternative<Compact>(action);
    const bool applies = std::holds_alternative<ApplyObjects>(action);
    if ((is_disruptive(action) && behind) || (takes_out && !sees_pods(world)) ||
        (applies && !sees_set(world))) {
      failed = true;
      break;
    }
    if (cluster_.chance(chaos.action_fails)) {
      failed = true;
      break;
    }
    check_before(action, world, faults);
    log_.push_back(std::to_string(cluster_.now()) + " " + std::string(name_of(action)));
    ++writes_;
    wrote_at_ = cluster_.now();
    perform(action);
    if (cluster_.chance(chaos.crash)) {
      // A new process: nothing is remembered, and its caches begin with what is.
      history_.clear();
      history_at_.clear();
      seen_at_ = 0;
      wrote_at_ = 0;
      return;
    }
    if (cluster_.chance(chaos.answer_lost)) {
      failed = true;
      break;
    }
  }
  if (!failed || !cluster_.chance(0.5)) write_status(world);
}

// operator/exec looks at the pods once more before it takes one out.
bool SimulatedOperator::sees_pods(const World& world) const {
  const auto& pods = cluster_.objects().pods;
  return pods.size() == world.pods.size() &&
         std::all_of(world.pods.begin(), world.pods.end(), [&pods](const PodView& view) {
           const auto live = pods.find(view.ordinal);
           return live != pods.end() && live->second.uid == view.uid &&
                  (live->second.deletion != 0) == view.terminating;
         });
}

// And at the StatefulSet before it says how many pods there are to be.
bool SimulatedOperator::sees_set(const World& world) const {
  const auto& set = cluster_.objects().set;
  if (!set || !world.statefulset) return !set && !world.statefulset;
  return set->uid == world.statefulset->uid && set->replicas == world.statefulset->replicas;
}

void SimulatedOperator::write_status(const World& world) {
  Plan dated = plan_;
  api::carry_transitions(world.cluster.status, cluster_.now(), dated.status);
  nlohmann::json status = api::to_json(dated.status);
  if (status == cluster_.objects().status) return;
  const std::string difference = nlohmann::json::diff(cluster_.objects().status, status).dump();
  log_.push_back(std::to_string(cluster_.now()) + " status " + difference.substr(0, kDifferenceShown));
  cluster_.objects().status = std::move(status);
  ++writes_;
}

bool SimulatedOperator::perform(const Action& action) {
  perform_on_secrets(action);
  perform_on_objects(action);
  return true;
}

void SimulatedOperator::perform_on_secrets(const Action& action) {
  Secrets& secrets = cluster_.objects().secrets;
  const api::ClusterSpec& spec = cluster_.objects().spec;
  const int64_t now = cluster_.now();
  const auto authority = [&](int64_t generation) {
    return Authority{generation, "ca-" + std::to_string(next_key_++), now - 300,
                     now + spec.tls.ca_validity_s};
  };
  const auto publish = [&] {
    add(secrets.trust, secrets.current);
    add(secrets.trust, secrets.next);
    add(secrets.trust, secrets.previous);
  };
  if (const auto* create = std::get_if<CreateAuthority>(&action)) {
    if (secrets.current) return;
    secrets.current = authority(create->generation);
    secrets.replaced = create->replaced_generation;
    if (!secrets.trust.empty()) {
      secrets.previous =
          Authority{create->generation - 1, secrets.trust.front(), 0, now + spec.tls.ca_validity_s};
    }
    if (cluster_.chance(0.9)) publish();
  } else if (const auto* next = std::get_if<PublishNextAuthority>(&action)) {
    if (secrets.next || !secrets.current || secrets.current->generation >= next->generation) return;
    secrets.next = authority(next->generation);
    secrets.replaced = next->replaced_generation;
    if (cluster_.chance(0.9)) publish();
  } else if (const auto* promote = std::get_if<PromoteAuthority>(&action)) {
    if (!secrets.next || secrets.next->generation != promote->generation) return;
    secrets.previous = secrets.current;
    secrets.current = secrets.next;
    secrets.next.reset();
  } else if (const auto* drop = std::get_if<DropPreviousAuthority>(&action)) {
    if (!secrets.current || secrets.current->generation != drop->generation) return;
    secrets.previous.reset();
    if (!cluster_.chance(0.9)) return;
    secrets.trust.clear();
    publish();
  } else if (is<RepublishTrust>(action)) {
    publish();
  } else if (const auto* issue = std::get_if<IssueLeaves>(&action)) {
    if (!secrets.current || secrets.current->fingerprint != issue->issuer_fingerprint) return;
    for (const int64_t ordinal : issue->ordinals)
      secrets.leaves[ordinal] = {"leaf-" + std::to_string(next_key_++), secrets.current->fingerprint,
                                 now - 300, now + spec.tls.cert_validity_s, true};
    secrets.leaves.erase(secrets.leaves.lower_bound(issue->keep_below), secrets.leaves.end());
    secrets.rotated = issue->rotated_generation;
  } else if (const auto* mint = std::get_if<MintToken>(&action)) {
    if (!secrets.tokens) secrets.tokens = Tokens{mint->generation, {}, now, now, 0};
    if (!secrets.tokens->accepted.empty() && *secrets.tokens->accepted.rbegin() >= mint->generation) return;
    secrets.tokens->accepted.insert(mint->generation);
    secrets.tokens->minted = now;
    secrets.tokens->rotated = mint->rotated_generation;
  } else if (const auto* change = std::get_if<SwitchToken>(&action)) {
    if (!secrets.tokens || *secrets.tokens->accepted.rbegin() != change->generation ||
        secrets.tokens->current == change->generation)
      return;
    secrets.tokens->current = change->generation;
    secrets.tokens->switched = now;
  } else if (const auto* old = std::get_if<DropOldToken>(&action)) {
    if (!secrets.tokens || secrets.tokens->current != old->generation) return;
    secrets.tokens->accepted.erase(secrets.tokens->accepted.begin(),
                                   secrets.tokens->accepted.lower_bound(old->generation));
  }
}

void SimulatedOperator::perform_on_objects(const Action& action) {
  Objects& objects = cluster_.objects();
  if (const auto* apply = std::get_if<ApplyObjects>(&action)) {
    objects.service_missing = false;
    if (!objects.set) {
      objects.set =
          StatefulSet{"set-" + std::to_string(next_key_++), 0, objects.spec.storage.size_bytes, {}, 1, 0};
    }
    if (objects.set->replicas != apply->statefulset_replicas ||
        objects.set->pod_template.hash() != rendered_.hash())
      ++objects.set->generation;
    objects.set->replicas = apply->statefulset_replicas;
    objects.set->pod_template = rendered_;
  } else if (const auto* start = std::get_if<StartDrain>(&action)) {
    const auto pod = objects.pods.find(ordinal_of(start->member));
    if (pod != objects.pods.end() && pod->second.started) pod->second.drain = true;
  } else if (const auto* cancel = std::get_if<CancelDrain>(&action)) {
    const auto pod = objects.pods.find(ordinal_of(cancel->member));
    if (pod != objects.pods.end()) pod->second.drain = pod->second.drained = false;
  } else if (const auto* kill = std::get_if<DeletePod>(&action)) {
    const auto pod = objects.pods.find(ordinal_of(kill->pod));
    if (pod != objects.pods.end() && pod->second.uid == kill->uid) cluster_.kill_pod(pod->first);
  } else if (const auto* drop = std::get_if<DeleteClaim>(&action)) {
    const auto claim = objects.claims.find(ordinal_of(drop->claim));
    if (claim != objects.claims.end() && claim->second.uid == drop->uid) claim->second.terminating = true;
  } else if (const auto* grow = std::get_if<GrowClaim>(&action)) {
    Claim& claim = objects.claims.at(ordinal_of(grow->claim));
    claim.bytes = objects.spec.storage.size_bytes;
    claim.resize_pending_since = cluster_.now();
  } else if (const auto* own = std::get_if<OwnClaim>(&action)) {
    objects.claims.at(ordinal_of(own->claim)).owned = own->owned;
  } else if (const auto* recreate = std::get_if<RecreateStatefulSet>(&action)) {
    if (objects.set && objects.set->uid == recreate->uid) objects.set.reset();
  } else if (const auto* compact = std::get_if<Compact>(&action)) {
    const auto pod = objects.pods.find(ordinal_of(compact->member));
    if (pod != objects.pods.end() && pod->second.started && pod->second.compacting_until == 0)
      pod->second.compacting_until = cluster_.now() + kStepS * cluster_.pick(1, 4);
  }
}

}  // namespace ferro::oper::plan::sim
