#include "node/store/expiry_index.h"

namespace ferro::node::store {

void ExpiryIndex::link(Entry& entry) {
  if (entry.expires_at_ms == 0) return;
  const std::lock_guard lock(mutex_);
  by_deadline_.insert(entry);
  if (entry.expires_at_ms > frontier_ms_) return;
  ++expired_;
  entry.ns->expired.fetch_add(1, std::memory_order_relaxed);
}

void ExpiryIndex::unlink(Entry& entry) {
  if (entry.expires_at_ms == 0) return;
  const std::lock_guard lock(mutex_);
  by_deadline_.erase(by_deadline_.iterator_to(entry));
  if (entry.expires_at_ms > frontier_ms_) return;
  --expired_;
  entry.ns->expired.fetch_sub(1, std::memory_order_relaxed);
}

uint64_t ExpiryIndex::expired(int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  settle(now_ms);
  return expired_;
}

uint64_t ExpiryIndex::expired_of(const NamespaceState& ns, int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  settle(now_ms);
  return ns.expired.load(std::memory_order_relaxed);
}

std::vector<Entry*> ExpiryIndex::earliest(int64_t now_ms, size_t max) const {
  std::vector<Entry*> out;
  const std::lock_guard lock(mutex_);
  for (auto at = by_deadline_.begin(); at != by_deadline_.end() && out.size() < max; ++at) {
    if (at->expires_at_ms > now_ms) break;
    out.push_back(const_cast<Entry*>(&*at));
  }
  return out;
}

void ExpiryIndex::settle(int64_t now_ms) const {
  for (auto at = by_deadline_.upper_bound(Deadline{frontier_ms_, UINT64_MAX});
       at != by_deadline_.end() && at->expires_at_ms <= now_ms; ++at) {
    ++expired_;
    at->ns->expired.fetch_add(1, std::memory_order_relaxed);
  }
  if (now_ms < frontier_ms_) {
    for (auto at = by_deadline_.upper_bound(Deadline{now_ms, UINT64_MAX});
         at != by_deadline_.end() && at->expires_at_ms <= frontier_ms_; ++at) {
      --expired_;
      at->ns->expired.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  frontier_ms_ = now_ms;
}

}  // namespace ferro::node::store
