#include "node/store/census.h"

#include <algorithm>

namespace ferro::node::store {

namespace {

// Deaths reported under one lock; a dropped namespace may hold a million.
constexpr size_t kDeathsAtOnce = 1024;

}  // namespace

void Census::change(Entry* born, std::span<Entry* const> died) {
  do {
    const size_t now = std::min(died.size(), kDeathsAtOnce);
    const std::lock_guard lock(mutex_);
    if (born != nullptr) enter(*born);
    born = nullptr;
    for (Entry* entry : died.first(now)) leave(*entry);
    died = died.subspan(now);
  } while (!died.empty());
}

uint64_t Census::live(int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  settle(now_ms);
  return all_ - expired_;
}

uint64_t Census::live_of(const NamespaceState& ns, int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  settle(now_ms);
  return ns.linked - ns.expired;
}

std::vector<Entry*> Census::earliest(int64_t now_ms, size_t max) const {
  std::vector<Entry*> out;
  const std::lock_guard lock(mutex_);
  for (auto at = by_deadline_.begin(); at != by_deadline_.end() && out.size() < max; ++at) {
    if (at->expires_at_ms > now_ms) break;
    out.push_back(const_cast<Entry*>(&*at));
  }
  return out;
}

void Census::enter(Entry& entry) {
  ++all_;
  ++entry.ns->linked;
  count_one(entry.ns->base.entries);
  if (entry.expires_at_ms != 0) by_deadline_.insert(entry);
  if (!counted_as_expired(entry)) return;
  ++expired_;
  ++entry.ns->expired;
  count_one(entry.ns->base.expired);
}

void Census::leave(Entry& entry) {
  --all_;
  --entry.ns->linked;
  count_one_less(entry.ns->base.entries);
  if (entry.expires_at_ms != 0) by_deadline_.erase(by_deadline_.iterator_to(entry));
  if (!counted_as_expired(entry)) return;
  --expired_;
  --entry.ns->expired;
  count_one_less(entry.ns->base.expired);
}

void Census::settle(int64_t now_ms) const {
  for (auto at = by_deadline_.upper_bound(Deadline{frontier_ms_, UINT64_MAX});
       at != by_deadline_.end() && at->expires_at_ms <= now_ms; ++at) {
    ++expired_;
    ++at->ns->expired;
    count_one(at->ns->base.expired);
  }
  for (auto at = by_deadline_.upper_bound(Deadline{now_ms, UINT64_MAX});
       at != by_deadline_.end() && at->expires_at_ms <= frontier_ms_; ++at) {
    --expired_;
    --at->ns->expired;
    count_one_less(at->ns->base.expired);
  }
  frontier_ms_ = now_ms;
}

}  // namespace ferro::node::store
