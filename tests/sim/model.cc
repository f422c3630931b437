#include "tests/sim/model.h"

#include <algorithm>

#include "tests/sim/event_log.h"

namespace ferro::sim {

namespace {

constexpr int64_t kUsPerMs = 1000;
// Expiry is compared in whole milliseconds.
constexpr int64_t kExpiryGrainUs = 2 * kUsPerMs;

const char* name_of(Act act) {
  constexpr const char* kNames[] = {"put", "remove", "drop", "invalidate"};
  return kNames[static_cast<size_t>(act)];
}

const char* name_of(Outcome outcome) {
  constexpr const char* kNames[] = {"not answered", "done", "nothing there", "in doubt"};
  return kNames[static_cast<size_t>(outcome)];
}

}  // namespace

Model::Entry& Model::entry_of(const EntryName& name) {
  const auto [at, is_new] = entries_.try_emplace(name);
  const auto whole = entries_.find({name.ns, ""});
  if (is_new && whole != entries_.end()) {
    at->second.deeds = whole->second.deeds;
    for (const Deed& deed : at->second.deeds) {
      if (deed.outcome == Outcome::pending) touched_[deed.number].push_back(name);
      if (deed.latest_us == Deed::kNever) in_doubt_.insert(name);
    }
  }
  return at->second;
}

void Model::begin(const EntryName& entry, Deed deed) {
  touched_[deed.number].push_back(entry);
  entry_of(entry).deeds.push_back(std::move(deed));
  ++deeds_;
}

void Model::begin_all(const std::vector<size_t>& namespaces, const Deed& deed) {
  for (const size_t ns : namespaces) begin({ns, ""}, deed);
  for (const EntryName& entry : entries()) {
    if (std::find(namespaces.begin(), namespaces.end(), entry.ns) != namespaces.end()) begin(entry, deed);
  }
}

void Model::end(uint32_t number, Outcome outcome, int64_t now_us, bool sweeping, const std::string& answer,
                const std::set<std::string>* sweeping_for) {
  const auto touched = touched_.extract(number);
  if (touched.empty()) return;
  for (const EntryName& name : touched.mapped()) {
    for (Deed& deed : entries_[name].deeds) {
      if (deed.number != number) continue;
      deed.outcome = outcome;
      deed.answered_us = now_us;
      deed.answer = answer;
      deed.sweeping = sweeping && (sweeping_for == nullptr || sweeping_for->contains(name.id));
      // What found nothing may still have happened: an earlier attempt of the same request.
      if (outcome == Outcome::done) deed.latest_us = now_us;
      if (outcome != Outcome::done) in_doubt_.insert(name);
    }
  }
}

void Model::settle(int64_t now_us) {
  for (const EntryName& name : in_doubt_) {
    for (Deed& deed : entries_[name].deeds) {
      const bool over = deed.outcome == Outcome::nothing || deed.outcome == Outcome::doubt;
      if (over && deed.latest_us == Deed::kNever) deed.latest_us = now_us;
    }
  }
  in_doubt_.clear();
}

void Model::note_clock_difference(int64_t by_ms) {
  clock_difference_us_ = std::max(clock_difference_us_, by_ms * kUsPerMs);
}

int64_t Model::latest_stamp_of(const Deed& deed) const {
  int64_t stamp_us = deed.latest_us;
  for (const Ahead& ahead : ahead_) {
    if (deed.latest_us >= ahead.from_us) stamp_us = std::max(stamp_us, ahead.until_us);
  }
  return stamp_us;
}

bool Model::before(const Deed& a, const Deed& b) const {
  if (a.latest_us >= b.invoked_us) return false;
  return b.invoked_us - latest_stamp_of(a) > clock_difference_us_ ||
         calm_.calm_between(a.latest_us, b.invoked_us) || calm_.orderly_over(a.latest_us, b.invoked_us);
}

// Something newer has replaced it, and everybody has known since `by_us`.
bool Model::superseded(const Entry& entry, const Deed& put, int64_t by_us) const {
  return std::any_of(entry.deeds.begin(), entry.deeds.end(), [&](const Deed& other) {
    if (other.number == put.number || other.outcome != Outcome::done || other.answered_us > by_us)
      return false;
    return (other.act == Act::put || other.sweeping) && before(put, other);
  });
}

bool Model::may_have_expired(const Deed& put, int64_t at_us) const {
  return put.ttl_ms > 0 &&
         at_us + clock_difference_us_ + kExpiryGrainUs >= put.invoked_us + put.ttl_ms * kUsPerMs;
}

bool Model::has_expired(const Deed& put, int64_t at_us) const {
  if (put.ttl_ms == 0 || put.latest_us == Deed::kNever) return false;
  return at_us > put.latest_us + put.ttl_ms * kUsPerMs + clock_difference_us_ + kExpiryGrainUs;
}

bool Model::may_be_absent(const Entry& entry, int64_t from_us, int64_t to_us) const {
  const int64_t by_us = from_us - lag_ms_ * kUsPerMs;
  for (const Deed& put : entry.deeds) {
    if (put.act != Act::put || put.outcome != Outcome::done || put.answered_us > by_us) continue;
    const bool may_be_gone = std::any_of(entry.deeds.begin(), entry.deeds.end(), [&](const Deed& other) {
      if (other.invoked_us > to_us || (other.number != put.number && before(other, put))) return false;
      return other.act == Act::put ? may_have_expired(other, to_us) : true;
    });
    if (!may_be_gone) return false;
  }
  return true;
}

std::string Model::judge(const EntryName& name, uint32_t seen, int64_t from_us, int64_t to_us,
                         bool orderly) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return seen == 0 ? "" : "an entry that nobody wrote";
  const Entry& entry = found->second;
  if (seen == 0) {
    return !orderly || may_be_absent(entry, from_us, to_us) ? "" : "an acknowledged entry is missing";
  }
  const auto put = std::find_if(entry.deeds.begin(), entry.deeds.end(), [&](const Deed& deed) {
    return deed.number == seen && deed.act == Act::put;
  });
  if (put == entry.deeds.end()) return "write " + std::to_string(seen) + " was never made here";
  if (put->invoked_us > to_us) return "write " + std::to_string(seen) + " is seen before it was made";
  const int64_t by_us = (orderly ? from_us : calm_.last_calm(from_us)) - lag_ms_ * kUsPerMs;
  if (superseded(entry, *put, by_us)) {
    return "write " + std::to_string(seen) + " is seen though something newer was acknowledged";
  }
  if (has_expired(*put, from_us)) return "write " + std::to_string(seen) + " is seen though it has expired";
  return "";
}

uint32_t Model::certain(const EntryName& name, int64_t from_us, int64_t to_us) const {
  const auto found = entries_.find(name);
  if (found == entries_.end() || may_be_absent(found->second, from_us, to_us)) return 0;
  uint32_t only = 0;
  for (const Deed& deed : found->second.deeds) {
    if (deed.act != Act::put || deed.invoked_us > to_us) continue;
    if (superseded(found->second, deed, from_us - lag_ms_ * kUsPerMs)) continue;
    if (only != 0) return 0;
    only = deed.number;
  }
  return only;
}

bool Model::certainly_absent(const EntryName& name, int64_t from_us, int64_t to_us) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return true;
  const auto& deeds = found->second.deeds;
  return std::all_of(deeds.begin(), deeds.end(), [&](const Deed& deed) {
    return deed.act != Act::put || deed.invoked_us > to_us ||
           superseded(found->second, deed, from_us - lag_ms_ * kUsPerMs) || has_expired(deed, from_us);
  });
}

bool Model::untouched(const EntryName& name, int64_t since_us, size_t own) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return own == 0;
  const auto& deeds = found->second.deeds;
  return own == static_cast<size_t>(std::count_if(deeds.begin(), deeds.end(), [&](const Deed& deed) {
           return deed.invoked_us >= since_us || deed.latest_us >= since_us;
         }));
}

bool Model::may_expire(const EntryName& name, int64_t upto_us) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return false;
  const auto& deeds = found->second.deeds;
  return std::any_of(deeds.begin(), deeds.end(), [&](const Deed& deed) {
    return deed.act == Act::put && may_have_expired(deed, upto_us);
  });
}

std::vector<EntryName> Model::entries() const {
  std::vector<EntryName> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) {
    if (!name.id.empty()) names.push_back(name);
  }
  return names;
}

std::string Model::history(const EntryName& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return "  (nobody wrote it)\n";
  std::string text;
  for (const Deed& deed : found->second.deeds) {
    text += "  " + print_time(deed.invoked_us) + " .. " +
            (deed.answered_us < 0 ? std::string("    -    ") : print_time(deed.answered_us)) + "  #" +
            std::to_string(deed.number) + " " + name_of(deed.act) + " through " + deed.machine + ": " +
            name_of(deed.outcome) + (deed.ttl_ms > 0 ? ", ttl " + std::to_string(deed.ttl_ms) + " ms" : "") +
            (deed.sweeping ? ", sweeping" : "") + (deed.answer.empty() ? "" : " (" + deed.answer + ")") +
            "\n";
  }
  return text;
}

}  // namespace ferro::sim
