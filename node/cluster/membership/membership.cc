#include "node/cluster/membership/membership.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "node/cluster/membership/known.h"

namespace ferro::node::cluster {

namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// A tick this many rounds late: this node slept (a stopped process, a paused machine), not the others.
constexpr int64_t kOwnPauseRounds = 4;
// One heartbeat after a death may be old news that took its time; two are a life.
constexpr unsigned kBeatsToRevive = 2;
constexpr size_t kForgottenMax = kGossipMembersMax;
// A lost data folder costs one claim, or a few while old news goes round; two processes go on for ever.
constexpr size_t kClaimsOfRival = 10;
constexpr int64_t kClaimsWithinMs = 60'000;

}  // namespace

std::string_view Member::value(std::string_view key) const {
  const auto at = values.find(key);
  return at == values.end() ? std::string_view() : std::string_view(at->second);
}

Membership::Membership(MembershipOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), last_tick_ns_(clock.steady_ns()) {
  Member self;
  self.id = options_.self;
  self.generation = options_.generation;
  self.proven = true;
  members_.push_back(std::move(self));
  known_.push_back(std::make_unique<Known>(options_.generation, options_.gossip_interval_ms, last_tick_ns_));
}

Membership::~Membership() = default;

size_t Membership::index_of(std::string_view node) const noexcept {
  const auto at = std::lower_bound(members_.begin(), members_.end(), node,
                                   [](const Member& member, std::string_view id) { return member.id < id; });
  return at != members_.end() && at->id == node ? static_cast<size_t>(at - members_.begin()) : kNone;
}

// --- own values ---

void Membership::set(std::string_view key, std::string value) {
  if (known_[self_]->replica.set(key, std::move(value))) values_changed(self_);
}

void Membership::erase(std::string_view key) {
  if (known_[self_]->replica.erase(key)) values_changed(self_);
}

void Membership::beat() {
  ++members_[self_].heartbeat;
}

void Membership::leave() {
  set(kLeftKey, "1");
}

uint64_t Membership::generation() const noexcept {
  return members_[self_].generation;
}

// --- members ---

void Membership::note_claim() {
  if (claimed_ns_.size() == kClaimsOfRival) claimed_ns_.pop_front();
  claimed_ns_.push_back(clock_.steady_ns());
}

bool Membership::contested() const {
  return claimed_ns_.size() == kClaimsOfRival &&
         clock_.steady_ns() - claimed_ns_.front() < kClaimsWithinMs * kNsPerMs;
}

std::string_view Membership::rival_value(std::string_view key) const {
  const auto at = rival_values_.find(key);
  return at == rival_values_.end() ? std::string_view() : std::string_view(at->second);
}

const std::vector<Member>& Membership::members() const {
  return members_;
}

const Member* Membership::find(std::string_view node) const {
  const size_t index = index_of(node);
  return index == kNone ? nullptr : &members_[index];
}

void Membership::add(const GossipDelta& delta) {
  const auto at = std::lower_bound(members_.begin(), members_.end(), delta.node,
                                   [](const Member& member, const NodeId& id) { return member.id < id; });
  const auto index = static_cast<size_t>(at - members_.begin());
  if (index <= self_) ++self_;
  members_.insert(at, Member())->id = delta.node;
  known_.insert(known_.begin() + static_cast<ptrdiff_t>(index), nullptr);
  std::erase_if(forgotten_, [&](const Forgotten& it) { return it.node == delta.node; });
  begin_generation(index, delta);
}

void Membership::remove(size_t index) {
  members_.erase(members_.begin() + static_cast<ptrdiff_t>(index));
  known_.erase(known_.begin() + static_cast<ptrdiff_t>(index));
  if (index < self_) --self_;
  ++changes_;
}

void Membership::begin_generation(size_t index, const GossipDelta& delta) {
  known_[index] = std::make_unique<Known>(delta.generation, options_.gossip_interval_ms, clock_.steady_ns());
  Member fresh;
  fresh.id = delta.node;
  fresh.generation = delta.generation;
  fresh.heartbeat = delta.heartbeat;
  members_[index] = std::move(fresh);
  ++changes_;
}

void Membership::values_changed(size_t index) {
  Member& member = members_[index];
  member.values = known_[index]->replica.values();
  member.left = member.values.erase(std::string(kLeftKey)) != 0;
  if (member.left && index != self_) set_liveness(index, Liveness::dead);
  ++changes_;
}

void Membership::beat_seen(size_t index, uint64_t heartbeat) {
  Member& member = members_[index];
  Known& known = *known_[index];
  if (heartbeat <= member.heartbeat) return;
  member.heartbeat = heartbeat;
  known.arrivals.arrived(clock_.steady_ns());
  if (!member.proven) {
    member.proven = true;
    ++changes_;
  }
  if (member.liveness == Liveness::dead && !member.left && ++known.beats_since_death >= kBeatsToRevive) {
    set_liveness(index, Liveness::alive);
  }
}

void Membership::set_liveness(size_t index, Liveness liveness) {
  Member& member = members_[index];
  if (member.liveness == liveness) return;
  Known& known = *known_[index];
  member.liveness = liveness;
  member.unreachable_ms = 0;
  known.beats_since_death = 0;
  if (liveness == Liveness::dead) known.gone_since_ns = clock_.steady_ns();
  ++changes_;
}

void Membership::note_contact(std::string_view node) {
  const size_t index = index_of(node);
  if (index == kNone || members_[index].liveness == Liveness::dead) return;
  known_[index]->arrivals.heard(clock_.steady_ns());
  if (!members_[index].proven) {
    members_[index].proven = true;
    ++changes_;
  }
}

// --- time ---

void Membership::tick() {
  const int64_t now_ns = clock_.steady_ns();
  forgive_own_pause(now_ns);
  for (size_t i = 0; i < members_.size(); ++i) {
    if (i != self_) judge(i, now_ns);
  }
  collect_erased();
  forget_the_long_gone(now_ns);
}

void Membership::forgive_own_pause(int64_t now_ns) {
  const int64_t round_ns = options_.gossip_interval_ms * kNsPerMs;
  const int64_t pause_ns = now_ns - last_tick_ns_ - round_ns;
  last_tick_ns_ = now_ns;
  if (pause_ns < kOwnPauseRounds * round_ns) return;
  for (const auto& known : known_) known->arrivals.forgive(pause_ns, now_ns);
}

void Membership::judge(size_t index, int64_t now_ns) {
  Member& member = members_[index];
  Known& known = *known_[index];
  member.phi = known.arrivals.phi(now_ns);
  if (member.liveness == Liveness::dead) {
    member.unreachable_ms = (now_ns - known.gone_since_ns) / kNsPerMs;
  } else if (member.phi >= options_.phi_threshold) {
    set_liveness(index, Liveness::dead);
  } else {
    set_liveness(index, member.phi > options_.phi_threshold / 2 ? Liveness::suspected : Liveness::alive);
  }
}

// An erased key can go once nobody is left who might bring it back: every live member knows that it is
// erased. A dead one that returns lags behind the mark and starts over.
void Membership::collect_erased() {
  uint64_t known_to_all = std::numeric_limits<uint64_t>::max();
  for (size_t i = 0; i < members_.size(); ++i) {
    if (i == self_ || members_[i].liveness == Liveness::dead) continue;
    known_to_all = std::min(known_to_all, known_[i]->knows_of_self);
  }
  known_[self_]->replica.collect(known_to_all);
}

void Membership::forget_the_long_gone(int64_t now_ns) {
  for (size_t i = members_.size(); i-- > 0;) {
    const Member& member = members_[i];
    if (i == self_ || member.liveness != Liveness::dead) continue;
    if (now_ns - known_[i]->gone_since_ns < options_.forget_after_ms * kNsPerMs) continue;
    if (forgotten_.size() == kForgottenMax) forgotten_.pop_front();
    forgotten_.push_back({member.id, member.generation, member.heartbeat});
    remove(i);
  }
}

bool Membership::is_forgotten(std::string_view node, uint64_t generation, uint64_t heartbeat) const {
  return std::any_of(forgotten_.begin(), forgotten_.end(), [&](const Forgotten& it) {
    return it.node == node &&
           (generation < it.generation || (generation == it.generation && heartbeat <= it.heartbeat));
  });
}

std::vector<NodeId> Membership::choose_targets(const std::function<uint64_t()>& random, size_t count) const {
  std::vector<size_t> live;
  std::vector<size_t> dead;
  for (size_t i = 0; i < members_.size(); ++i) {
    if (i == self_ || members_[i].left) continue;
    (members_[i].liveness == Liveness::dead ? dead : live).push_back(i);
  }
  std::vector<NodeId> targets;
  for (size_t taken = 0; taken < count && taken < live.size(); ++taken) {
    std::swap(live[taken], live[taken + random() % (live.size() - taken)]);
    targets.push_back(members_[live[taken]].id);
  }
  // As likely as the dead are many, so that all nodes together try about each dead one once a round.
  if (!dead.empty() && random() % (live.size() + 1) < dead.size()) {
    targets.push_back(members_[dead[random() % dead.size()]].id);
  }
  return targets;
}

}  // namespace ferro::node::cluster
