#include "tests/unit/operator/plan/simulated_cluster/story.h"

#include <algorithm>
#include <iostream>

namespace ferro::oper::plan::sim {
namespace {

// The longest waits: a silent pod's patience, ten overlaps of a token in use, and a roll of all members, one
// after the other, twice.
constexpr int64_t kSettleStepsMax = 2000;
constexpr int64_t kQuietSteps = 12;

// What it goes by is what the Secrets hold.
bool has_loaded(const Pod& pod, const Objects& objects) {
  const Mounted wanted = objects.secrets.mounted();
  if (objects.spec.auth.enabled && pod.loaded.tokens != wanted.tokens) return false;
  if (!objects.spec.tls.enabled) return true;
  const auto loaded = pod.loaded.leaves.find(pod.ordinal);
  const auto leaf = wanted.leaves.find(pod.ordinal);
  return pod.loaded.trust == wanted.trust && loaded != pod.loaded.leaves.end() &&
         leaf != wanted.leaves.end() && loaded->second.fingerprint == leaf->second.fingerprint;
}

}  // namespace

Story::Story(uint64_t seed, bool aloud) : cluster_(seed), operator_(cluster_), aloud_(aloud) {
  api::ClusterSpec& spec = cluster_.objects().spec;
  spec.replicas = cluster_.pick(1, 5);
  spec.replication_factor = cluster_.pick(1, 3);
  if (spec.replicas > 1) spec.replication_factor = std::min(spec.replication_factor, spec.replicas);
  spec.image.image = std::to_string(cluster_.pick(1, 6));
  spec.tls.enabled = cluster_.chance(0.9);
  spec.auth.enabled = cluster_.chance(0.9);
  spec.auth.overlap_s = 60;
  spec.update_max_unavailable = cluster_.pick(1, 2);
  cluster_.set_join_rate(cluster_.pick(1, 6));
}

void Story::say(const std::string& what) {
  if (aloud_) std::cout << cluster_.now() << " " << what << "\n";
}

api::ClusterSpec& Story::change() {
  former_.push_back(cluster_.objects().spec);
  ++cluster_.objects().generation;
  return cluster_.objects().spec;
}

void Story::step(const Chaos& chaos) {
  ++steps_;
  cluster_.step();
  const size_t before = faults_.size();
  check_always(cluster_, operator_.is_excused(), faults_);
  operator_.pass(chaos, faults_);
  for (size_t i = before; i < faults_.size(); ++i)
    faults_[i] = "t=" + std::to_string(cluster_.now()) + ": " + faults_[i];
  if (!aloud_) return;
  for (; told_ < operator_.log().size(); ++told_) std::cout << "    " << operator_.log()[told_] << "\n";
  for (size_t i = before; i < faults_.size(); ++i) std::cout << "!!! " << faults_[i] << "\n";
  if (std::getenv("FERRO_PLAN_VERBOSE") != nullptr || faults_.size() > before) {
    std::cout << cluster_.describe() << "\n";
    for (const api::Blocker& blocker : operator_.plan().status.blocked_by)
      std::cout << "      blocked " << blocker.action << " " << blocker.rule << " " << blocker.message
                << "\n";
  }
}

void Story::random_spec_change() {
  if (!former_.empty() && cluster_.chance(0.25)) {
    const auto old = former_[static_cast<size_t>(cluster_.pick(0, static_cast<int64_t>(former_.size()) - 1))];
    api::ClusterSpec& spec = change();
    const int64_t bytes = spec.storage.size_bytes;
    spec = old;
    spec.storage.size_bytes = bytes;
    return say("the spec goes back to a former one");
  }
  api::ClusterSpec& spec = change();
  switch (cluster_.pick(0, 14)) {
    case 0:
    case 1:
    case 2:
      spec.replicas = cluster_.pick(1, 6);
      if (spec.replicas > 1) spec.replication_factor = std::min(spec.replication_factor, spec.replicas);
      return say("replicas " + std::to_string(spec.replicas) + ", factor " +
                 std::to_string(spec.replication_factor));
    case 3:
    case 4:
      spec.image.image = std::to_string(10 * cluster_.pick(1, 3) + cluster_.pick(0, 9));
      return say("image " + spec.image.image);
    case 5:
      ++spec.tls.rotate_generation;
      return say("leaves renewed");
    case 6:
    case 7:
      ++spec.tls.replace_ca_generation;
      return say("authority replaced");
    case 8:
    case 9:
      ++spec.auth.rotate_generation;
      return say("token rotated");
    case 10:
      if (cluster_.chance(0.5)) {
        spec.tls.enabled = !spec.tls.enabled;
        return say(spec.tls.enabled ? "tls on" : "tls off");
      }
      spec.auth.enabled = !spec.auth.enabled;
      return say(spec.auth.enabled ? "auth on" : "auth off");
    case 11:
      spec.replication_factor = cluster_.pick(1, 3);
      if (spec.replicas > 1) spec.replication_factor = std::min(spec.replication_factor, spec.replicas);
      return say("factor " + std::to_string(spec.replication_factor));
    case 12:
      spec.storage.size_bytes += int64_t{1} << 30;
      return say("larger volumes");
    case 13:
      if (cluster_.chance(0.5))
        spec.hibernated = !spec.hibernated;
      else if (cluster_.chance(0.5))
        spec.paused = !spec.paused;
      else
        spec.update_paused = !spec.update_paused;
      return say(std::string("hibernated ") + (spec.hibernated ? "1" : "0") + " paused " +
                 (spec.paused ? "1" : "0") + " update paused " + (spec.update_paused ? "1" : "0"));
    default:
      ++spec.snapshots.compact_generation;
      return say("compact");
  }
}

void Story::random_fault() {
  const int64_t ordinal = cluster_.pick(0, 5);
  const int64_t seconds = cluster_.pick(1, 60) * kStepS;
  switch (cluster_.pick(0, 11)) {
    case 0:
    case 1:
      say("pod " + std::to_string(ordinal) + " is killed");
      return cluster_.kill_pod(ordinal);
    case 2:
    case 3:
      say("container " + std::to_string(ordinal) + " crashes");
      return cluster_.crash_container(ordinal);
    case 4:
    case 5:
      say("host " + std::to_string(ordinal) + " is lost for " + std::to_string(seconds));
      return cluster_.lose_host(ordinal, seconds);
    case 6:
      say("host " + std::to_string(ordinal) + " is cut off for " + std::to_string(seconds));
      return cluster_.cut_host(ordinal, seconds);
    case 7:
    case 8: {
      // Nothing may be lost by the fault itself: that would hide what the operator loses.
      for (int p = 0; p < kPartitions; ++p) {
        const auto holders = cluster_.holders_of(p);
        if (holders.size() < (holders.count(ordinal) > 0 ? 2U : 1U)) return;
      }
      if (cluster_.chance(0.5)) {
        say("volume " + std::to_string(ordinal) + " is lost");
        return cluster_.lose_volume(ordinal);
      }
      say("claim " + std::to_string(ordinal) + " is deleted by hand");
      return cluster_.delete_claim_by_hand(ordinal);
    }
    case 9:
      say("the StatefulSet is deleted by hand, pods stay");
      return cluster_.delete_set_by_hand();
    default: {
      Secrets& secrets = cluster_.objects().secrets;
      switch (cluster_.pick(0, 3)) {
        case 0:
          say("the authority's Secret is lost");
          secrets.current.reset();
          secrets.next.reset();
          secrets.previous.reset();
          secrets.replaced = 0;
          break;
        case 1:
          say("the bundle is lost");
          secrets.trust.clear();
          break;
        case 2:
          say("the leaves are lost");
          secrets.leaves.clear();
          secrets.rotated = 0;
          break;
        default:
          say("the tokens are lost");
          secrets.tokens.reset();
      }
      operator_.excuse_secrets(cluster_.now() + 1200);
    }
  }
}

void Story::random_event() {
  if (cluster_.chance(0.6)) return random_spec_change();
  random_fault();
}

void Story::make_sane() {
  cluster_.heal();
  api::ClusterSpec& spec = change();
  if (fate_of(std::stoll(spec.image.image)) != Fate::good) spec.image.image = "1";
  spec.paused = spec.update_paused = spec.hibernated = false;
  cluster_.set_join_rate(std::max<int64_t>(2, cluster_.pick(1, 6)));
  say("from now on nobody does anything");
}

bool Story::is_settled() const {
  const Objects& objects = const_cast<Story*>(this)->cluster_.objects();
  if (!operator_.plan().actions.empty() || operator_.plan().status.phase != "Ready") return false;
  if (!objects.set || objects.set->replicas != objects.spec.replicas) return false;
  if (static_cast<int64_t>(objects.pods.size()) != objects.spec.replicas) return false;
  for (const auto& [ordinal, pod] : objects.pods) {
    if (!pod.ready || pod.made_from.hash() != template_of(objects.spec).hash() || pod.drain) return false;
    if (!has_loaded(pod, objects)) return false;
  }
  for (const auto& [ordinal, claim] : objects.claims) {
    if (claim.lost || claim.terminating || claim.bytes != objects.spec.storage.size_bytes) return false;
    if (claim.resize_pending_since != 0 || !claim.owned) return false;
    if (ordinal >= objects.spec.replicas) return false;
  }
  if (objects.spec.tls.enabled &&
      (objects.secrets.next || objects.secrets.previous || objects.secrets.trust.size() != 1 ||
       objects.secrets.replaced < objects.spec.tls.replace_ca_generation))
    return false;
  if (objects.spec.auth.enabled && (objects.secrets.tokens->accepted.size() != 1 ||
                                    objects.secrets.tokens->rotated < objects.spec.auth.rotate_generation))
    return false;
  return true;
}

void Story::settle() {
  int64_t quiet = 0;
  for (int64_t i = 0; i < kSettleStepsMax && quiet < kQuietSteps; ++i) {
    step();
    quiet = is_settled() ? quiet + 1 : 0;
    if (!faults_.empty()) return;
  }
  if (quiet >= kQuietSteps) return check_rest();
  std::string why = "does not settle: phase " + operator_.plan().status.phase;
  for (const api::Blocker& blocker : operator_.plan().status.blocked_by)
    why += "\n    " + blocker.action + "/" + blocker.rule + " " + blocker.message;
  for (const Action& action : operator_.plan().actions) why += "\n    wants " + std::string(name_of(action));
  for (const api::Condition& condition : operator_.plan().status.conditions)
    why +=
        "\n    " + condition.type + " " + condition.status + " " + condition.reason + " " + condition.message;
  faults_.push_back(why + "\n" + cluster_.describe());
}

void Story::check_rest() {
  const int64_t before = operator_.writes();
  for (int i = 0; i < 30; ++i) step();
  if (operator_.writes() != before)
    faults_.push_back(std::to_string(operator_.writes() - before) +
                      " writes to a settled cluster, the last: " + operator_.log().back());
}

void Story::run() {
  Chaos chaos;
  if (cluster_.chance(0.7)) {
    chaos.lag = static_cast<double>(cluster_.pick(0, 5)) / 10.0;
    chaos.action_fails = static_cast<double>(cluster_.pick(0, 2)) / 10.0;
    chaos.answer_lost = static_cast<double>(cluster_.pick(0, 2)) / 10.0;
    chaos.crash = static_cast<double>(cluster_.pick(0, 2)) / 10.0;
    chaos.probe_fails = static_cast<double>(cluster_.pick(0, 1)) / 20.0;
  }
  if (cluster_.chance(0.7)) settle();
  const int64_t events = cluster_.pick(1, 8);
  for (int64_t i = 0; i < events && faults_.empty(); ++i) {
    random_event();
    const int64_t pause = cluster_.chance(0.5) ? cluster_.pick(0, 6) : cluster_.pick(0, 80);
    for (int64_t j = 0; j < pause && faults_.empty(); ++j) step(chaos);
  }
  if (!faults_.empty()) return;
  make_sane();
  settle();
}

}  // namespace ferro::oper::plan::sim
