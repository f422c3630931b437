#include "node/cluster/sync/version_diff.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace ferro::node::cluster {
namespace {

struct Known {
  Hlc version;
  bool tombstone = false;
};
using Index = std::unordered_map<std::string_view, Known>;

template <typename Entries>
Index index_of(const Entries& entries) {
  Index index;
  index.reserve(entries.size());
  for (const auto& entry : entries) index.emplace(entry.id, Known{entry.version, entry.tombstone});
  return index;
}

bool supersedes(const Known& a, const Known& b) {
  return a.version > b.version || (a.version == b.version && a.tombstone && !b.tombstone);
}

Hlc floor_of_slot(const store::Floors& floors, unsigned slot) {
  for (const auto& some : floors.some) {
    if ((some.slots >> slot & 1U) != 0) return std::max(some.version, floors.all);
  }
  return floors.all;
}

// In some slot.
bool rises_above(const store::Floors& a, const store::Floors& b) {
  if (a.some.empty() && b.some.empty()) return a.all > b.all;
  for (unsigned slot = 0; slot < model::kSlots; ++slot) {
    if (floor_of_slot(a, slot) > floor_of_slot(b, slot)) return true;
  }
  return false;
}

// Is what one side has of an id news to the other side, which has `known` (null: nothing) and `floor`?
bool is_news(const Known& has, const Known* known, const Hlc& floor) {
  if (has.version <= floor) return false;
  return known == nullptr || supersedes(has, *known);
}

}  // namespace

Difference compare(const store::NamespaceVersions& mine, const VersionsReply& theirs,
                   const DiffRules& rules) {
  const Index here = index_of(mine.entries);
  const Index there = index_of(theirs.entries);
  const bool deletes_only = rules.pull == DiffRules::Pull::deletes;
  Difference difference;
  if (rises_above(theirs.floors, mine.floors)) {
    bool kills = false;
    for (const auto& entry : mine.entries) kills = kills || entry.version <= theirs.floors.of(entry.id);
    if (!deletes_only || kills) difference.pull.emplace_back();
  }
  for (const EntryVersion& entry : theirs.entries) {
    const auto known = here.find(entry.id);
    const Known* known_here = known == here.end() ? nullptr : &known->second;
    if (!is_news({entry.version, entry.tombstone}, known_here, mine.floors.of(entry.id))) continue;
    if (!deletes_only || (entry.tombstone && known_here != nullptr)) difference.pull.push_back(entry.id);
  }
  if (!rules.push) return difference;
  if (rises_above(mine.floors, theirs.floors)) difference.push.emplace_back();
  for (const store::VersionOf& entry : mine.entries) {
    const auto known = there.find(entry.id);
    const Known* known_there = known == there.end() ? nullptr : &known->second;
    if (!is_news({entry.version, entry.tombstone}, known_there, theirs.floors.of(entry.id))) continue;
    const bool doubtful = rules.drop_upto_ms != 0 && known_there == nullptr && !entry.tombstone &&
                          entry.version.wall_ms() <= rules.drop_upto_ms;
    if (doubtful) {
      difference.drop.push_back(entry);
    } else {
      difference.push.push_back(entry.id);
    }
  }
  return difference;
}

std::vector<store::VersionOf> held_by(const store::NamespaceVersions& mine, const VersionsReply& theirs) {
  const Index there = index_of(theirs.entries);
  std::vector<store::VersionOf> held;
  for (const store::VersionOf& entry : mine.entries) {
    if (entry.tombstone) continue;
    const auto known = there.find(entry.id);
    const Known* known_there = known == there.end() ? nullptr : &known->second;
    if (!is_news({entry.version, false}, known_there, theirs.floors.of(entry.id))) held.push_back(entry);
  }
  return held;
}

}  // namespace ferro::node::cluster
