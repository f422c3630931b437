// May a member be taken out of service now? Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "operator/plan/draft.h"
#include "operator/plan/facts.h"

namespace ferro::oper::plan {

// Nothing: yes. Otherwise the first rule that says no. The `victim` itself needs not be well, everybody else
// must: ready and reporting, in a ring that does not change and has all of them, every partition with all its
// copies and in step. Without a victim all must.
//
// `down_allowed`: other members that may be out of service beside the victim (update.maxUnavailable - 1,
// bounded by the copies): what they hold is then missing a copy, and no rule about copies is asked.
std::optional<Hold> gate(const Facts& facts, std::optional<int64_t> victim, int64_t down_allowed = 0);

// Everybody but the victim is ready and reports, whatever moves between them.
std::optional<Hold> others_well(const Facts& facts, int64_t victim);

// May the volume of `lost`, whose pod does not run, be given up? Nobody goes out of service by that, but what
// only that volume holds would be gone for good: the members that serve hold everything among them. Others
// that have lost their volumes as well and do not run are not waited for.
std::optional<Hold> gate_of_lost_volume(const Facts& facts, const Member& lost);

// Takes a member out of service behind the gate, with `action` in the end. The only copy of anything is moved
// elsewhere first: with one copy in force a serving member is drained before.
void take_out(const Facts& facts, Draft& draft, std::string_view operation, const Member& victim,
              Action action, int64_t down_allowed = 0);

// A drained member is out of the ring, and all others know it: nothing hangs on it any more.
std::optional<Hold> has_left(const Facts& facts, const Member& drained);

}  // namespace ferro::oper::plan
