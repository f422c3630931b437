#include "node/cluster/ring/ring_keeper.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace ferro::node::cluster {
namespace {

constexpr size_t kNamesShown = 3;   // of those that a change waits for
constexpr size_t kOutdatedMax = 8;  // rings merged in one go; a write reaches the owners in all of them

// The later agreement wins; of two rings formed apart the larger one, because fewer then have to join.
bool goes_before(const RingRecord& ring, const std::string& text, const RingRecord& other,
                 const std::string& other_text) {
  return std::forward_as_tuple(ring.epoch, ring.members.size(), text) >
         std::forward_as_tuple(other.epoch, other.members.size(), other_text);
}

// As others will read them: what is out of range they would take for not said.
RingOptions within_bounds(RingOptions options) {
  options.weight = std::clamp<uint32_t>(options.weight, 1, kRingWeightMax);
  options.factor = std::clamp<size_t>(options.factor, 1, kRingFactorMax);
  return options;
}

bool is_of(const Placement& placement, const RingRecord& ring) {
  return placement.members() == ring.members && placement.factor() == ring.factor &&
         *placement.splits() == ring.splits;
}

std::string named(const std::vector<NodeId>& nodes) {
  std::string text;
  for (size_t i = 0; i < std::min(nodes.size(), kNamesShown); ++i) text += (i == 0 ? "" : ", ") + nodes[i];
  if (nodes.size() > kNamesShown) text += " and " + std::to_string(nodes.size() - kNamesShown) + " more";
  return text;
}

}  // namespace

RingKeeper::RingKeeper(RingOptions options, std::optional<RingRecord> stored, int64_t now_ms)
    : options_(within_bounds(std::move(options))), started_ms_(now_ms) {
  if (stored && stored->epoch != 0 && !stored->members.empty()) adopt(std::move(*stored));
  list_write_rings();
}

std::vector<OwnValue> RingKeeper::update(const std::vector<Member>& members, int64_t now_ms) {
  notice_stall(now_ms);
  const bool reconnected = attendance_.note(members, options_.self, record_, now_ms);
  if (settled_) {
    adopt_highest(members);
  } else {
    settle(members, now_ms);
  }
  if (settled_) {
    const bool had_quorum = quorum_;
    follow_members(now_ms);
    if (!had_quorum && reconnected) cut_ = true;
    // A side with less than half of the ring may have missed what the other one agreed on. Members that come
    // back with a new generation were dead themselves: then this side has missed nothing.
    if (cut_ && quorum_) {
      cut_ = false;
      fall_behind();
    }
    judge_agreement();
    if (publish_due()) {
      RingRecord next{record_.epoch + 1, target_->members(), target_->factor(), *target_->splits()};
      adopt(std::move(next));
    }
  }
  list_write_rings();
  std::vector<OwnValue> changed;
  std::map<std::string, std::string> values = own_values();
  for (const auto& [key, value] : values) {
    const auto told = told_.find(key);
    if (told == told_.end() ? !value.empty() : told->second != value) changed.push_back({key, value});
  }
  told_ = std::move(values);
  return changed;
}

void RingKeeper::notice_stall(int64_t now_ms) {
  if (updated_ms_ && now_ms - *updated_ms_ >= options_.stall_ms) fall_behind();
  updated_ms_ = now_ms;
}

std::vector<RingKeeper::Candidate> RingKeeper::told_rings(const std::vector<Member>& members,
                                                          bool live_only) const {
  std::vector<Candidate> candidates;
  for (const Member& member : members) {
    const auto told = member.values.find(kRingKey);
    if (member.id == options_.self || told == member.values.end() || (live_only && !is_live(member)))
      continue;
    if (settled_ && told->second == record_text_) continue;
    Result<RingRecord> ring = decode_ring(told->second);
    if (!ring.ok()) continue;  // of a version to come
    if (!options_.knows_splits && !ring->splits.empty()) continue;
    const auto state = state_of(member);
    candidates.push_back({std::move(*ring), {}, is_live(member) && state && state->complete});
    candidates.back().text = encode_ring(candidates.back().ring);
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.complete != b.complete ? a.complete : goes_before(a.ring, a.text, b.ring, b.text);
  });
  return candidates;
}

// A node that starts has no ring of its own yet, or one that it remembers. What a member tells that answers
// for its partitions goes before any memory, however late that one's epoch: the memory may be of another life
// of the cluster.
void RingKeeper::settle(const std::vector<Member>& members, int64_t now_ms) {
  std::vector<Candidate> told = told_rings(members, true);
  const bool remembers = record_.epoch != 0;
  if (!told.empty() && (told.front().complete || !remembers)) {
    settled_ = true;
    adopt(std::move(told.front().ring));
    return;
  }
  const bool others = remembers && (record_.members.size() > 1 || !in(*current_));
  const int64_t wait_ms = options_.seeds || others ? options_.bootstrap_wait_ms : 0;
  if (now_ms - started_ms_ < wait_ms) return;
  if (remembers) {
    settled_ = true;
    adopt_highest(members);
    return;
  }
  // Of several that start together the first by name forms the ring; the others wait for it as long again.
  const bool first = std::none_of(members.begin(), members.end(), [this](const Member& member) {
    return is_live(member) && member.id < options_.self;
  });
  if (!first && now_ms - started_ms_ < 2 * wait_ms) return;
  settled_ = true;
  adopt({options_.holds_entries ? 2U : 1U, {{options_.self, options_.weight}}, options_.factor});
  complete_ = true;  // nobody else has ever owned anything
}

void RingKeeper::adopt_highest(const std::vector<Member>& members) {
  for (Candidate& candidate : told_rings(members, false)) {
    if (goes_before(candidate.ring, candidate.text, record_, record_text_)) adopt(std::move(candidate.ring));
  }
}

void RingKeeper::adopt(RingRecord ring) {
  // Mostly it is the one that this node has been waiting for.
  std::shared_ptr<const Placement> placement;
  for (const auto& known : {target_, current_}) {
    if (is_of(*known, ring)) placement = known;
  }
  if (!placement) placement = placement_of(ring);
  const bool same = placement->fingerprint() == current_->fingerprint();
  // A ring that this node has caught up with makes it complete; any other one it knows nothing about.
  if (!in(*placement)) {
    complete_ = false;
  } else if (!same) {
    complete_ = synced_ == placement->fingerprint();
  }
  if (settled_ && !same && !current_->empty()) {
    if (outdated_.size() == kOutdatedMax) outdated_.erase(outdated_.begin());
    outdated_.push_back(current_);
  }
  record_ = std::move(ring);
  record_text_ = encode_ring(record_);
  current_ = std::move(placement);
}

// Owners are dear to compute: where only the splits are others, those of a ring at hand are taken.
std::shared_ptr<const Placement> RingKeeper::placement_of(const RingRecord& ring) const {
  for (const auto& known : {target_, current_}) {
    if (known->members() == ring.members && known->factor() == ring.factor) {
      return std::make_shared<const Placement>(known->with(ring.splits));
    }
  }
  return std::make_shared<const Placement>(Placement::build(ring.members, ring.factor, ring.splits));
}

void RingKeeper::follow_members(int64_t now_ms) {
  attendance_.set_self(options_.self, self_attendee());
  TargetRing wanted =
      choose_target(record_, attendance_, {options_.dead_removal, options_.re_replicate_after_ms}, now_ms);
  quorum_ = wanted.quorum;
  anybody_ = wanted.anybody;
  full_ = wanted.full;
  const bool as_current = is_of(*current_, wanted.ring);
  if (as_current) {
    if (target_ != current_ && target_->fingerprint() != current_->fingerprint()) synced_.reset();
    target_ = current_;
  } else if (!is_of(*target_, wanted.ring)) {
    target_ = placement_of(wanted.ring);
    synced_.reset();  // writes have not gone there until now
  }
  if (!moving() && complete_) synced_ = target_->fingerprint();
}

void RingKeeper::judge_agreement() {
  const size_t ring = hash_of_ring(record_text_);
  const bool everybody_follows =
      std::all_of(attendance_.all().begin(), attendance_.all().end(), [&](const auto& entry) {
        return entry.first == options_.self || !entry.second.live || entry.second.ring_hash == ring;
      });
  if (everybody_follows) outdated_.clear();
  agreed_ = everybody_follows && not_agreed().empty();
}

std::vector<NodeId> RingKeeper::not_agreed() const {
  const size_t ring = hash_of_ring(record_text_);
  std::vector<NodeId> nodes;
  for (const auto& [node, attendee] : attendance_.all()) {
    if (node == options_.self || !attendee.live) continue;
    if (attendee.target != target_->fingerprint() || attendee.ring_hash != ring) nodes.push_back(node);
  }
  return nodes;
}

void RingKeeper::list_write_rings() {
  write_rings_.clear();
  const auto add = [this](const std::shared_ptr<const Placement>& placement) {
    const bool known = std::any_of(write_rings_.begin(), write_rings_.end(), [&](const auto& other) {
      return other->fingerprint() == placement->fingerprint();
    });
    if (!known && !placement->empty()) write_rings_.push_back(placement);
  };
  add(current_);
  add(target_);
  for (const auto& placement : outdated_) add(placement);
}

bool RingKeeper::in_sync() const noexcept {
  return settled_ && synced_ == target_->fingerprint();
}

bool RingKeeper::publish_due() const {
  return moving() && quorum_ && agreed_ && in(*target_) && in_sync() && not_synced().empty() &&
         keeps_live_owners(*current_, *target_, attendance_);
}

std::vector<NodeId> RingKeeper::not_synced() const {
  std::vector<NodeId> nodes;
  for (const RingMember& member : target_->members()) {
    if (member.id == options_.self) {
      if (!in_sync()) nodes.push_back(member.id);
      continue;
    }
    const Attendee* attendee = attendance_.find(member.id);
    if (attendee == nullptr || !attendee->live) continue;
    if (attendee->synced != target_->fingerprint()) nodes.push_back(member.id);
  }
  return nodes;
}

void RingKeeper::caught_up(uint64_t current_fingerprint, uint64_t target_fingerprint) {
  if (!settled_ || current_fingerprint != current_->fingerprint() ||
      target_fingerprint != target_->fingerprint()) {
    return;
  }
  synced_ = target_fingerprint;
  if (in(*current_)) complete_ = true;
}

void RingKeeper::fall_behind() {
  complete_ = false;
  synced_.reset();
  handed_over_.reset();
}

void RingKeeper::set_unfit(std::string why) {
  if (why.empty() != unfit_.empty()) fall_behind();
  unfit_ = std::move(why);
}

Status RingKeeper::set_draining(bool draining) {
  if (draining == draining_) return {};  // asked again: what has been handed over stays handed over
  if (draining) {
    const auto& all = attendance_.all();
    const bool others = std::any_of(all.begin(), all.end(), [this](const auto& entry) {
      return entry.first != options_.self && entry.second.live && entry.second.takes_part();
    });
    if (!settled_ || !others) {
      return {StatusCode::failed_precondition, "there is no other live member to hand the entries over to"};
    }
  }
  draining_ = draining;
  handed_over_.reset();
  return {};
}

std::vector<NodeId> RingKeeper::absent(int64_t now_ms, int64_t for_ms) const {
  std::vector<NodeId> nodes;
  for (const RingMember& member : record_.members) {
    const Attendee* attendee = attendance_.find(member.id);
    if (attendee == nullptr || attendee->live || member.id == options_.self) continue;
    if (now_ms - attendee->absent_since_ms >= for_ms) nodes.push_back(member.id);
  }
  return nodes;
}

std::vector<NodeId> RingKeeper::not_splitting() const {
  std::vector<NodeId> nodes;
  for (const auto& [node, attendee] : attendance_.all()) {
    const bool member = std::any_of(record_.members.begin(), record_.members.end(),
                                    [&node = node](const RingMember& one) { return one.id == node; });
    if ((attendee.live || member) && !attendee.splits) nodes.push_back(node);
  }
  return nodes;
}

RingKeeper::State RingKeeper::state() const {
  if (draining_) {
    const bool out = settled_ && !in(*current_) && !in(*target_);
    return out && handed_over_ == current_->fingerprint() && !changing() ? State::drained : State::leaving;
  }
  return settled_ && complete() && in(*current_) ? State::ready : State::joining;
}

std::string RingKeeper::reason() const {
  switch (state()) {
    case State::ready:
      return "";
    case State::drained:
      return "drained: everything has been handed over";
    case State::leaving:
      return "leaving: " + (pending().empty() ? "handing entries over" : pending());
    case State::joining:
      break;
  }
  if (!settled_) return "joining: looking for the other members";
  if (!unfit_.empty()) return unfit_;
  if (!agreed_) return "joining: " + pending();
  if (!in_sync()) return "joining: comparing its partitions with their other owners";
  return "joining: " + pending();
}

std::string RingKeeper::pending() const {
  if (!settled_) return "";
  if (!quorum_) return "fewer than half of the ring's members are here: it is kept as it is";
  if (!anybody_) return "every member that is here wants to leave: the ring is kept as it is";
  if (!agreed_)
    return "waiting until every member knows the rings in force and to come: " + named(not_agreed());
  if (!moving()) return full_ ? "the ring is full: remove a member before another can be let in" : "";
  if (const auto nodes = not_synced(); !nodes.empty()) {
    return "waiting until every member has caught up: " + named(nodes);
  }
  if (!keeps_live_owners(*current_, *target_, attendance_)) {
    return "waiting for a member that is away: partitions would be left without a live owner";
  }
  return "waiting for a member of the new ring to announce it";
}

Attendee RingKeeper::self_attendee() const {
  Attendee self;
  self.live = true;
  self.state = PeerState{state(), complete()};
  self.weight = options_.weight;
  self.factor = options_.factor;
  if (options_.knows_splits) self.splits = wanted_splits_;
  return self;
}

bool RingKeeper::in(const Placement& placement) const {
  const auto& members = placement.members();
  const auto found =
      std::lower_bound(members.begin(), members.end(), options_.self,
                       [](const RingMember& member, const NodeId& id) { return member.id < id; });
  return found != members.end() && found->id == options_.self;
}

std::map<std::string, std::string> RingKeeper::own_values() const {
  std::map<std::string, std::string> values;
  const bool whole = settled_ && complete() && in(*current_);
  if (options_.knows_splits) values[std::string(kSplitsKey)] = model::print_splits(wanted_splits_);
  values[std::string(kStateKey)] = print_state({state(), whole});
  values[std::string(kWeightKey)] = std::to_string(options_.weight);
  values[std::string(kFactorKey)] = std::to_string(options_.factor);
  values[std::string(kRingKey)] = settled_ ? record_text_ : "";
  values[std::string(kTargetKey)] = settled_ ? print_fingerprint(target_->fingerprint()) : "";
  values[std::string(kSyncedKey)] = in_sync() ? print_fingerprint(*synced_) : "";
  return values;
}

}  // namespace ferro::node::cluster
