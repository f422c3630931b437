#include "node/cluster/sync/namespace_exchange.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ferro::node::cluster {

uint32_t buckets_for(uint64_t ids) noexcept {
  const uint64_t wanted = std::bit_ceil(std::max<uint64_t>(1, (ids + kBucketIds - 1) / kBucketIds));
  return static_cast<uint32_t>(std::min<uint64_t>(wanted, kBucketsMax));
}

void NamespaceExchange::run(Transfer& transfer, NamespaceTask task, Then<NamespaceOutcome> then) {
  const std::shared_ptr<NamespaceExchange> self(
      new NamespaceExchange(transfer, std::move(task), std::move(then)));
  self->buckets_ = buckets_for(self->task_.ids);
  self->next_bucket();
}

void NamespaceExchange::next_bucket() {
  if (bucket_ == buckets_) return then_(outcome_);
  transfer_.versions(
      task_.peer, {task_.ns, bucket_, buckets_, task_.slots},
      [self = shared_from_this()](Result<VersionsReply> theirs) { self->on_theirs(std::move(theirs)); });
}

void NamespaceExchange::on_theirs(Result<VersionsReply> theirs) {
  if (!theirs.ok()) {
    // It has grown: too many for one list.
    if (theirs.status().code() == StatusCode::too_large && buckets_ < kBucketsMax) {
      buckets_ *= 2;
      bucket_ = 0;
      return next_bucket();
    }
    return then_(theirs.status());
  }
  // This node's list is the later one: what has arrived here meanwhile is not asked for once more.
  auto list = std::make_shared<VersionsReply>(std::move(*theirs));
  transfer_.versions_here({task_.ns, bucket_, buckets_, task_.slots},
                          [self = shared_from_this(), list](Result<store::NamespaceVersions> mine) {
                            self->difference_ = compare(*mine, *list, self->task_.rules);
                            const Difference& found = self->difference_;
                            self->outcome_.differences +=
                                found.pull.size() + found.push.size() + found.drop.size();
                            self->pull();
                          });
}

void NamespaceExchange::pull() {
  if (difference_.pull.empty()) return drop();
  transfer_.fetch(
      task_.peer, task_.ns, std::move(difference_.pull), task_.budget,
      [self = shared_from_this()](Result<Moved> fetched) { self->moved(fetched, &NamespaceExchange::drop); });
}

void NamespaceExchange::drop() {
  if (difference_.drop.empty()) return push();
  std::vector<store::EntryRef> entries;
  entries.reserve(difference_.drop.size());
  for (store::VersionOf& entry : difference_.drop) {
    entries.push_back({task_.ns, std::move(entry.id), entry.version});
  }
  transfer_.purge(std::move(entries), [self = shared_from_this()](Result<uint64_t> dropped) {
    if (!dropped.ok()) return self->then_(dropped.status());
    self->outcome_.changed += *dropped;
    self->push();
  });
}

void NamespaceExchange::push() {
  ++bucket_;
  if (difference_.push.empty()) return next_bucket();
  transfer_.push(task_.peer, task_.ns, std::move(difference_.push), task_.budget,
                 [self = shared_from_this()](Result<Moved> pushed) {
                   self->moved(pushed, &NamespaceExchange::next_bucket);
                 });
}

void NamespaceExchange::moved(const Result<Moved>& moved, void (NamespaceExchange::*next)()) {
  if (!moved.ok()) return then_(moved.status());
  outcome_.changed += moved->changed;
  (this->*next)();
}

}  // namespace ferro::node::cluster
