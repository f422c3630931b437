// Snapshots, one member at a time in the whole cluster, so that no partition has two owners at it, and never
// beside anything that moves members or entries.
#include <algorithm>
#include <string>
#include <utility>

#include "operator/api/cron.h"
#include "operator/plan/gate.h"
#include "operator/plan/limits.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

// The number of the last snapshot of a member that did not answer when it was asked for one.
constexpr int64_t kNotTold = -1;

bool is_pending(const CompactionRequest& request, const Member& member) {
  return std::any_of(request.pending.begin(), request.pending.end(),
                     [&](const api::PendingCompaction& pending) { return pending.member == member.name; });
}

// The first reason for a snapshot; empty = none.
std::string reason_of(const Facts& facts, const Member& member, const CompactionRequest& request,
                      int64_t cron_unix) {
  const auto& snapshots = facts.spec.snapshots;
  const NodeReport& report = *member.report();
  if (is_pending(request, member)) return "snapshots.compactGeneration was raised";
  if (std::max(report.snapshot_unix, facts.world.cluster.created_unix) < cron_unix)
    return "its schedule says so";
  if (report.wal_bytes > kCompactionLogBytesMin &&
      static_cast<double>(report.wal_bytes) >
          snapshots.wal_ratio * static_cast<double>(report.snapshot_bytes))
    return "its log has grown";
  if (report.dead_entries > kCompactionDeadMin &&
      static_cast<double>(report.dead_entries) > snapshots.dead_ratio * static_cast<double>(report.entries))
    return "many of its entries are dead";
  return {};
}

// A snapshot takes nobody out of service, so that a member that has been away for long does not keep the logs
// of those that are left from being shortened. What is under way does: it will be over soon.
std::optional<Hold> hold_of_compaction(const Facts& facts, const Draft& draft) {
  if (draft.slot_taken() || draft.drain_wanted())
    return Hold{Rule::other_action_first, "", "snapshots wait for what is under way"};
  for (const UnderWay& operation : draft.operations()) {
    if (!operation.stalled)
      return Hold{Rule::other_action_first, "", "snapshots wait until this is done: " + operation.reason};
  }
  for (const Member& member : facts.members) {
    const NodeReport* report = member.report();
    // A member that serves and does not answer may be at the snapshot that it was asked for.
    if (report == nullptr && member.pod != nullptr && is_ready(*member.pod))
      return Hold{Rule::member_unreachable, member.name,
                  member.name + " " + describe(*member.pod) + ": it may be making a snapshot"};
    if (report == nullptr) continue;
    if (report->snapshot_running)
      return Hold{Rule::snapshot_running, member.name, member.name + " makes a snapshot"};
    if (report->ring_changing) return Hold{Rule::ring_changing, member.name, "the ring changes"};
    if (report->catch_up_running || report->hand_over_running)
      return Hold{Rule::transfer_running, member.name, member.name + " moves entries"};
  }
  return std::nullopt;
}

}  // namespace

CompactionRequest compaction_request(const Facts& facts) {
  CompactionRequest request{facts.remembered.compact_generation, {}};
  const int64_t asked = facts.spec.snapshots.compact_generation;
  // A new cluster has nothing to compact: what its spec says from the first is as good as done.
  if (asked > request.generation && facts.held == 0 && facts.remembered.ring_members == 0) return {asked, {}};
  const bool is_new = asked > request.generation && !facts.spec.paused;
  if (is_new) request.generation = asked;
  for (const Member& member : facts.members) {
    const NodeReport* report = member.report();
    const int64_t number = report != nullptr ? report->snapshot_number : kNotTold;
    if (is_new) {
      request.pending.push_back({member.name, number});
      continue;
    }
    for (const api::PendingCompaction& before : facts.remembered.compactions_pending) {
      if (before.member != member.name) continue;
      if (before.snapshot_number == kNotTold)
        request.pending.push_back({member.name, number});
      else if (report == nullptr || number == before.snapshot_number)
        request.pending.push_back(before);
    }
  }
  return request;
}

void plan_compaction(const Facts& facts, Draft& draft) {
  if (facts.held == 0) return;
  const auto cron = api::CronSchedule::parse(facts.spec.snapshots.schedule);
  const int64_t cron_unix = cron.ok() ? cron->last_at(facts.now) : 0;
  if (cron.ok()) draft.look_at(cron->next_after(facts.now));
  // Only what has reached status counts: a status that cannot be written must not make every pass ask anew.
  const CompactionRequest recorded{facts.remembered.compact_generation, facts.remembered.compactions_pending};
  const CompactionRequest request = compaction_request(facts);
  const Member* chosen = nullptr;
  std::string chosen_reason;
  for (const Member& member : facts.members) {
    if (member.report() == nullptr || !is_ready(*member.pod)) continue;
    CompactionRequest both;
    if (is_pending(recorded, member) && is_pending(request, member)) both = recorded;
    const std::string reason = reason_of(facts, member, both, cron_unix);
    if (reason.empty()) continue;
    // Who failed the last time comes after those who have not, so that a full disk does not keep others from
    // it.
    if (chosen == nullptr || (chosen->report()->snapshot_failed && !member.report()->snapshot_failed)) {
      chosen = &member;
      chosen_reason = reason;
    }
  }
  if (chosen == nullptr) return;
  if (auto hold = hold_of_compaction(facts, draft)) return draft.hold(kCompact, std::move(*hold));
  draft.take_slot(kCompact, Compact{chosen->name}, chosen->name + " makes a snapshot: " + chosen_reason);
}

}  // namespace ferro::oper::plan
