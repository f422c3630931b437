// What the operator must never do, and what must hold whoever acted.
#include <algorithm>
#include <utility>

#include "operator/api/names.h"
#include "tests/unit/operator/plan/simulated_cluster/simulated_operator.h"

namespace ferro::oper::plan::sim {
namespace {

int64_t ordinal_of(const std::string& member) {
  return std::stoll(member.substr(member.rfind('-') + 1));
}

// Nobody looks at one whose Secrets are old through no fault of the operator.
bool is_accountable(const SimulatedCluster& cluster, const Pod& pod) {
  return cluster.is_up(pod) && pod.ready && !pod.out_of_sync && pod.deletion == 0;
}

}  // namespace

// A member is about to be taken out of service: nothing that somebody can read now may become unreadable by
// that.
void SimulatedOperator::check_taking_out(int64_t ordinal, const std::string& what,
                                         std::vector<std::string>& faults) {
  const auto& objects = cluster_.objects();
  const auto found = objects.pods.find(ordinal);
  if (found == objects.pods.end() || !cluster_.is_up(found->second)) return;
  if (objects.set && objects.set->replicas == 1) return;  // there is nobody else
  const bool anybody_serves = std::any_of(objects.pods.begin(), objects.pods.end(), [this](const auto& pod) {
    return cluster_.is_up(pod.second) && pod.second.ready;
  });
  if (!anybody_serves) return;
  if (cluster_.hands_over_when_stopped(found->second)) return;
  for (int p = 0; p < kPartitions; ++p) {
    const auto holders = cluster_.holders_of(p);
    if (holders.count(ordinal) == 0 || cluster_.newest(p) == 0) continue;
    const auto others = std::count_if(holders.begin(), holders.end(), [&](int64_t holder) {
      return holder != ordinal && objects.pods.at(holder).deletion == 0;
    });
    if (others == 0) {
      faults.push_back(what + " of member " + std::to_string(ordinal) +
                       " takes the last live copy of partition " + std::to_string(p));
      return;
    }
  }
}

void SimulatedOperator::check_shrink(const ApplyObjects& apply, std::vector<std::string>& faults) {
  const auto& objects = cluster_.objects();
  if (!objects.set || apply.statefulset_replicas >= objects.set->replicas) return;
  if (!apply.shrinks) faults.emplace_back("pods are removed without being said to be");
  if (apply.statefulset_replicas == 0)
    return;  // hibernation, or another transport: all at once, volumes stay
  if (apply.statefulset_replicas != objects.set->replicas - 1)
    faults.emplace_back("more than one member is removed");
  const int64_t last = objects.set->replicas - 1;
  check_taking_out(last, "removal", faults);
  const auto pod = objects.pods.find(last);
  if (pod != objects.pods.end() && cluster_.is_up(pod->second) && cluster_.ring().count(last) > 0)
    faults.emplace_back("a live member is removed that is still in the ring");
  for (int p = 0; p < kPartitions; ++p) {
    if (cluster_.volume(last).copies[static_cast<size_t>(p)] == cluster_.newest(p) &&
        cluster_.newest(p) > 0 && cluster_.holders_of(p).empty())
      faults.push_back("the removed member has the only copy of partition " + std::to_string(p));
  }
}

void SimulatedOperator::check_before(const Action& action, const World& world,
                                     std::vector<std::string>& faults) {
  const auto& objects = cluster_.objects();
  if (is_disruptive(action) && !std::holds_alternative<Compact>(action) &&
      !std::holds_alternative<DeleteClaim>(action) && !std::holds_alternative<RecreateStatefulSet>(action)) {
    const auto* apply = std::get_if<ApplyObjects>(&action);
    const bool all = apply != nullptr && apply->statefulset_replicas == 0;
    const auto* kill = std::get_if<DeletePod>(&action);
    // What does not serve may be replaced whoever else is on its way out.
    const auto victim = kill != nullptr ? objects.pods.find(ordinal_of(kill->pod)) : objects.pods.end();
    // A member that is removed may be on its way out already, on a host that nobody hears of.
    const int64_t removed = apply != nullptr ? apply->statefulset_replicas : -1;
    // One that has left the ring serves nobody any more: check_shrink asks whether it had.
    const bool has_left = removed >= 0 && cluster_.ring().count(removed) == 0;
    const bool serves = !has_left && (victim == objects.pods.end() || victim->second.ready);
    const auto leaving = std::count_if(objects.pods.begin(), objects.pods.end(), [removed](const auto& pod) {
      return pod.second.deletion != 0 && pod.first != removed;
    });
    // update.maxUnavailable, as far as every partition keeps an owner.
    const int64_t allowed = kill != nullptr && kill->reason == "RollTemplate"
                                ? std::clamp<int64_t>(objects.spec.update_max_unavailable, 1,
                                                      std::max<int64_t>(cluster_.factor_in_force() - 1, 1))
                                : 1;
    if (leaving >= allowed && !all && serves)
      faults.push_back(std::string(name_of(action)) + " while a pod is on its way out");
  }
  if (const auto* kill = std::get_if<DeletePod>(&action)) {
    const int64_t ordinal = ordinal_of(kill->pod);
    const auto pod = objects.pods.find(ordinal);
    if (pod != objects.pods.end() && pod->second.uid == kill->uid) {
      check_taking_out(ordinal, "DeletePod " + kill->reason, faults);
      if ((kill->reason == "RollTemplate" || kill->reason == "ReplaceBroken") &&
          pod->second.made_from.hash() == world.desired_template_hash)
        faults.push_back("a pod on the current template is replaced for its template");
    }
  } else if (const auto* apply = std::get_if<ApplyObjects>(&action)) {
    check_shrink(*apply, faults);
  } else if (const auto* start = std::get_if<StartDrain>(&action)) {
    for (const auto& [ordinal, pod] : objects.pods) {
      if (pod.drain && ordinal != ordinal_of(start->member))
        faults.emplace_back("two members are drained at once");
    }
  } else if (const auto* drop = std::get_if<DeleteClaim>(&action)) {
    const int64_t ordinal = ordinal_of(drop->claim);
    for (int p = 0; p < kPartitions; ++p) {
      auto holders = cluster_.holders_of(p);
      // A member whose pod is just restarting comes back with what is on its volume.
      for (const auto& [other, claim] : objects.claims) {
        const bool comes_back =
            objects.set && other < objects.set->replicas && !claim.lost && !claim.terminating;
        if (comes_back && cluster_.volume(other).copies[static_cast<size_t>(p)] == cluster_.newest(p))
          holders.insert(other);
      }
      holders.erase(ordinal);
      if (cluster_.volume(ordinal).copies[static_cast<size_t>(p)] == cluster_.newest(p) &&
          cluster_.newest(p) > 0 && holders.empty())
        faults.push_back("DeleteClaim of " + std::to_string(ordinal) +
                         " gives up the only copy of partition " + std::to_string(p));
    }
  } else if (const auto* compact = std::get_if<Compact>(&action)) {
    for (const auto& [ordinal, pod] : objects.pods) {
      if (pod.compacting_until == 0 || ordinal == ordinal_of(compact->member)) continue;
      // One that is not ready and silent is not waited for: its log must not grow those of the others.
      const auto seen = std::find_if(world.pods.begin(), world.pods.end(),
                                     [&](const PodView& view) { return view.ordinal == ordinal; });
      if (seen != world.pods.end() && !seen->ready && !seen->report) continue;
      faults.emplace_back("two members make snapshots at once");
    }
  }
}

void check_always(const SimulatedCluster& cluster, bool secrets_excused, std::vector<std::string>& faults) {
  if (secrets_excused) return;
  const auto& objects = cluster.objects();
  const auto& secrets = objects.secrets;
  for (const auto& [ordinal, pod] : objects.pods) {
    if (!is_accountable(cluster, pod)) continue;
    if (pod.made_from.auth && secrets.tokens && pod.loaded.tokens.count(secrets.tokens->current) == 0)
      faults.push_back("member " + std::to_string(ordinal) + " refuses the token that clients have");
    if (pod.made_from.tls && secrets.current) {
      const auto& trust = pod.loaded.trust;
      if (std::find(trust.begin(), trust.end(), secrets.current->fingerprint) == trust.end())
        faults.push_back("member " + std::to_string(ordinal) + " does not trust the operator");
      const auto leaf = pod.loaded.leaves.find(ordinal);
      if (leaf != pod.loaded.leaves.end() &&
          std::find(secrets.trust.begin(), secrets.trust.end(), leaf->second.issuer_fingerprint) ==
              secrets.trust.end())
        faults.push_back("the operator does not trust member " + std::to_string(ordinal));
    }
    for (const auto& [other_ordinal, other] : objects.pods) {
      if (other_ordinal <= ordinal || !is_accountable(cluster, other)) continue;
      if (pod.made_from.tls != other.made_from.tls) {
        faults.emplace_back("ready members of both kinds of transport");
      } else if (!cluster.can_talk(pod, other)) {
        faults.push_back("members " + std::to_string(ordinal) + " and " + std::to_string(other_ordinal) +
                         " cannot verify each other");
      }
    }
  }
}

}  // namespace ferro::oper::plan::sim
