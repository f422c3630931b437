#include "node/cluster/core/departure.h"

#include <algorithm>
#include <utility>

#include "common/obs/log.h"
#include "node/cluster/core/member_keys.h"
#include "node/cluster/ring/member_values.h"
#include "node/cluster/sync/parting.h"

namespace ferro::node::cluster {

namespace {

constexpr int64_t kSayEveryMs = 1000;
constexpr size_t kNamesShown = 3;

std::string named(const std::vector<NodeId>& nodes) {
  std::string text;
  for (size_t i = 0; i < std::min(nodes.size(), kNamesShown); ++i) text += (i == 0 ? "" : ", ") + nodes[i];
  if (nodes.size() > kNamesShown) text += " and " + std::to_string(nodes.size() - kNamesShown) + " more";
  return text;
}

std::string with_reason(std::string text, const std::string& reason) {
  return reason.empty() ? text : std::move(text) + " (" + reason + ")";
}

}  // namespace

DepartureStage next_stage(const Standing& standing) noexcept {
  const DepartureStage settled = standing.unconfirmed > 0 ? DepartureStage::confirming : DepartureStage::over;
  if (!standing.others) return DepartureStage::over;
  if (standing.drained) return settled;
  if (standing.draining) return standing.takers ? DepartureStage::handing_over : DepartureStage::over;
  if (standing.in_ring && !standing.whole) return DepartureStage::catching_up;
  if (!standing.compared) return DepartureStage::comparing;
  if (settled != DepartureStage::over) return settled;
  return standing.only_mine > 0 && standing.takers ? DepartureStage::handing_over : DepartureStage::over;
}

Departure::Departure(Context& context, const Membership& membership, RingKeeper& ring,
                     const Replicator& replicator, Syncer& syncer, std::function<void()> ring_changed)
    : context_(context),
      membership_(membership),
      ring_(ring),
      replicator_(replicator),
      syncer_(syncer),
      ring_changed_(std::move(ring_changed)) {}

void Departure::begin(int64_t now_ms, int64_t timeout_ms, bool decides_no_more) {
  decides_no_more_ = decides_no_more;
  deadline_ms_ = now_ms + timeout_ms;
  said_ms_ = now_ms;
  progress_ = {};
  progress_.running = true;
  hints_dropped_ = context_.figures.hints_dropped;
  syncer_.start_parting();
}

Standing Departure::look() {
  Standing standing;
  slow_.clear();
  for (const Member& member : membership_.members()) {
    if (member.id == context_.options.self || !is_live(member)) continue;
    standing.others = true;
    const auto state = state_of(member);
    const bool stays = state && (state->state == NodeState::joining || state->state == NodeState::ready);
    standing.takers = standing.takers || (stays && member.value(kStoppingKey).empty());
    const uint64_t unconfirmed =
        decides_no_more_ ? replicator_.unconfirmed_by(member.id) : replicator_.hints().count_of(member.id);
    if (unconfirmed > 0) slow_.push_back(member.id);
    standing.unconfirmed += unconfirmed;
  }
  const NodeState state = ring_.state();
  standing.drained = state == NodeState::drained;
  standing.draining = state == NodeState::leaving;
  standing.in_ring = ring_.current()->partitions_of(context_.options.self).any();
  standing.whole = ring_.whole();
  // What was given up as a hint only a comparison that began later can know of.
  if (const uint64_t dropped = context_.figures.hints_dropped; dropped != hints_dropped_) {
    hints_dropped_ = dropped;
    syncer_.start_parting();
  }
  const Parting& parting = syncer_.parting();
  standing.compared = parting.over();
  standing.only_mine = parting.only_mine().count();
  progress_.partitions_total = parting.partitions_total();
  progress_.partitions_done = parting.partitions_total() - parting.partitions_left();
  progress_.partitions_only_here = parting.only_here().count();
  progress_.operations_unconfirmed = standing.unconfirmed;
  return standing;
}

bool Departure::poll(int64_t now_ms) {
  Standing standing = look();
  DepartureStage stage = next_stage(standing);
  const bool had_no_time = stage == DepartureStage::handing_over && !standing.draining && drains_;
  if (stage == DepartureStage::handing_over && !standing.draining && !had_no_time) {
    drains_ = true;
    const Status begun = ring_.set_draining(true);
    ring_changed_();
    if (begun.ok()) return false;
    stage = DepartureStage::over;  // the last one who could have taken it has just gone
  }
  progress_.waits_for = waits_for(stage);
  if (stage != DepartureStage::over && !had_no_time && now_ms < deadline_ms_) {
    if (now_ms - said_ms_ >= kSayEveryMs) {
      said_ms_ = now_ms;
      obs::info("leaving", {{"waits_for", progress_.waits_for}});
    }
    return false;
  }
  progress_.left = what_is_left(stage, standing);
  progress_.complete = progress_.left.empty();
  progress_.running = false;
  // What could not be handed over stays this node's: it keeps its place for when it comes back.
  if (drains_ && ring_.state() == NodeState::leaving && standing.in_ring) {
    static_cast<void>(ring_.set_draining(false));
    ring_changed_();
  }
  return true;
}

std::string Departure::waits_for(DepartureStage stage) const {
  const std::string done = std::to_string(progress_.partitions_done) + " of " +
                           std::to_string(progress_.partitions_total) + " partitions";
  switch (stage) {
    case DepartureStage::catching_up:
      return with_reason("its own copies to be whole", ring_.reason());
    case DepartureStage::comparing:
      return with_reason("copies to be compared with their other owners: " + done + " done",
                         syncer_.parting().trouble());
    case DepartureStage::confirming:
      return std::to_string(progress_.operations_unconfirmed) + " operations to be confirmed by " +
             named(slow_);
    case DepartureStage::handing_over: {
      const SyncFigures::Job job = syncer_.figures().hand_over;
      return with_reason("entries to be handed over: " + std::to_string(job.partitions_done) + " of " +
                             std::to_string(job.partitions_total) + " partitions done",
                         job.trouble.empty() ? ring_.pending() : job.trouble);
    }
    case DepartureStage::over:
      break;
  }
  return "";
}

std::string Departure::what_is_left(DepartureStage stage, const Standing& standing) const {
  if (stage != DepartureStage::over) return "there was no time for " + waits_for(stage);
  if (standing.drained) return "";
  const bool empty = context_.engine.figures().live_entries == 0;
  if (!standing.others) return empty ? "" : "no other live member is there to hold the entries";
  if (standing.draining) return "every other live member is leaving too";
  if (progress_.partitions_only_here == 0) return "";
  return std::to_string(progress_.partitions_only_here) +
         " partitions have no other live owner, and nobody who stays to take them over";
}

}  // namespace ferro::node::cluster
