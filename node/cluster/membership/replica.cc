#include "node/cluster/membership/replica.h"

#include <utility>

#include "common/base/assert.h"
#include "node/cluster/membership/message_size.h"

namespace ferro::node::cluster {

GossipDigest Replica::digest(const NodeId& node, uint64_t heartbeat) const {
  return {node, generation_, heartbeat, max_version_, collected_};
}

std::map<std::string, std::string, std::less<>> Replica::values() const {
  std::map<std::string, std::string, std::less<>> out;
  for (const auto& [key, entry] : by_key_) {
    if (!entry.erased) out.emplace(key, entry.value);
  }
  return out;
}

void Replica::put(std::string_view key, Entry entry) {
  auto at = by_key_.find(key);
  if (at == by_key_.end()) {
    at = by_key_.emplace(std::string(key), Entry()).first;
  } else {
    by_version_.erase(at->second.version);
  }
  by_version_.emplace(entry.version, at->first);
  at->second = std::move(entry);
}

bool Replica::set(std::string_view key, std::string value) {
  FERRO_ASSERT(!key.empty() && key.size() <= kGossipKeyBytesMax,
               "a gossip key has 1 to kGossipKeyBytesMax bytes");
  FERRO_ASSERT(value.size() <= kGossipValueBytesMax, "a gossip value has at most kGossipValueBytesMax bytes");
  const auto at = by_key_.find(key);
  if (at != by_key_.end() && !at->second.erased && at->second.value == value) return false;
  FERRO_ASSERT(at != by_key_.end() || by_key_.size() < kGossipValuesMax,
               "a node has at most kGossipValuesMax keys");
  put(key, {std::move(value), ++max_version_, false});
  return true;
}

bool Replica::erase(std::string_view key) {
  const auto at = by_key_.find(key);
  if (at == by_key_.end() || at->second.erased) return false;
  put(key, {{}, ++max_version_, true});
  return true;
}

void Replica::drop_erased(uint64_t upto) {
  for (auto at = by_version_.begin(); at != by_version_.end() && at->first <= upto;) {
    const auto entry = by_key_.find(at->second);
    if (entry->second.erased) {
      by_key_.erase(entry);
      at = by_version_.erase(at);
    } else {
      ++at;
    }
  }
}

void Replica::collect(uint64_t upto) {
  // The mark moves only when there is something to collect: everybody who is behind it starts over.
  uint64_t last = 0;
  for (const auto& [version, key] : by_version_) {
    if (version > upto) break;
    if (by_key_.find(key)->second.erased) last = version;
  }
  if (last == 0) return;
  drop_erased(last);
  collected_ = last;
}

void Replica::note_collected(uint64_t upto) {
  if (upto <= collected_ || upto > max_version_) return;
  drop_erased(upto);
  collected_ = upto;
}

bool Replica::apply(const GossipDelta& delta) {
  const bool behind = max_version_ < delta.collected && collected_ < delta.collected;
  bool changed = false;
  if (behind) {
    if (!delta.reset) return false;
    changed = !by_key_.empty();
    by_key_.clear();
    by_version_.clear();
    max_version_ = 0;
    collected_ = delta.collected;
  } else if (delta.since > max_version_ || (delta.collected < collected_ && max_version_ < collected_)) {
    // A gap; or we have started over and this comes from somebody who has not: a key that has been erased
    // since may be alive there.
    return false;
  }
  for (const GossipValue& value : delta.values) {
    if (value.version <= max_version_) continue;
    if (by_key_.size() >= kGossipValuesMax && by_key_.find(value.key) == by_key_.end()) return changed;
    put(value.key, {value.value, value.version, value.erased});
    max_version_ = value.version;
    changed = true;
  }
  max_version_ = std::max(max_version_, delta.upto);
  note_collected(delta.collected);
  return changed;
}

GossipDelta Replica::answer(const NodeId& node, uint64_t heartbeat, const GossipDigest* known) const {
  GossipDelta delta;
  delta.node = node;
  delta.generation = generation_;
  delta.heartbeat = heartbeat;
  delta.collected = collected_;
  const bool knows_nothing = known == nullptr || known->max_version == 0;
  delta.reset = knows_nothing || (known->max_version < collected_ && known->collected < collected_);
  delta.since = delta.reset ? 0 : known->max_version;
  delta.upto = delta.since;
  return delta;
}

void Replica::fill(GossipDelta& delta, size_t& budget) const {
  if (delta.since >= max_version_) return;
  for (auto at = by_version_.upper_bound(delta.since); at != by_version_.end(); ++at) {
    const Entry& entry = by_key_.find(at->second)->second;
    const size_t size = kValueBytesExtra + at->second.size() + entry.value.size();
    if (size > budget) return;
    budget -= size;
    delta.values.push_back({at->second, entry.value, at->first, entry.erased});
    delta.upto = at->first;
  }
  delta.upto = max_version_;
}

}  // namespace ferro::node::cluster
