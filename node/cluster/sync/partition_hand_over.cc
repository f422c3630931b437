#include "node/cluster/sync/partition_hand_over.h"

#include <algorithm>
#include <utility>

#include "node/cluster/sync/exchange.h"
#include "node/cluster/sync/version_diff.h"

namespace ferro::node::cluster {

std::shared_ptr<PartitionHandOver> PartitionHandOver::start(Transfer& transfer, HandOverTask task,
                                                            std::shared_ptr<size_t> removals, Done done) {
  std::shared_ptr<PartitionHandOver> self(
      new PartitionHandOver(transfer, std::move(task), std::move(removals), std::move(done)));
  transfer.post([self] { self->give_to(0); });
  return self;
}

void PartitionHandOver::end(const Status& status) {
  if (!std::exchange(cancelled_, true)) done_(status, removed_);
}

void PartitionHandOver::give_to(size_t owner) {
  if (cancelled_) return;
  if (owner == task_.owners.size()) return verify();
  ExchangeRequest request{task_.owners[owner], {Unit{task_.partition}}, task_.splits, {}, nullptr};
  request.mode.tombstones = true;
  request.mode.pull = DiffRules::Pull::deletes;  // what was deleted meanwhile is not given to anybody
  request.mode.away_since_ms = task_.away_since_ms;
  Exchange::run(transfer_, std::move(request),
                [self = shared_from_this(), owner](const std::vector<UnitOutcome>& outcomes) {
                  const Status& status = outcomes.front().status;
                  if (!status.ok()) return self->end(status.with_context(self->task_.owners[owner]));
                  self->give_to(owner + 1);
                });
}

void PartitionHandOver::verify() {
  transfer_.summaries({Unit{task_.partition}}, task_.splits, kNamespacesOfPartitionMax,
                      [self = shared_from_this()](Result<Transfer::Summaries> mine) {
                        self->namespaces_ = std::move(mine->front());
                        std::erase_if(self->namespaces_,
                                      [](const auto& summary) { return summary.entries == 0; });
                        self->bucket_ = self->buckets_ = 1;
                        self->namespace_ = SIZE_MAX;
                        self->next_bucket();
                      });
}

VersionsMessage PartitionHandOver::bucket() const {
  const model::NamespaceKey& ns = namespaces_[namespace_].ns;
  return {ns, bucket_, buckets_, task_.splits->slots_in(model::namespace_hash(ns), task_.partition)};
}

void PartitionHandOver::next_bucket() {
  if (cancelled_) return;
  if (bucket_ == buckets_) {
    ++namespace_;
    bucket_ = 0;
    if (namespace_ == namespaces_.size()) {
      return end(left_ == 0 ? Status() : Status::unavailable("entries that its owners do not hold yet"));
    }
    const store::NamespaceSummary& summary = namespaces_[namespace_];
    buckets_ = buckets_for(2 * (summary.entries + summary.tombstones));  // owners may hold more
  }
  transfer_.versions_here(bucket(), [self = shared_from_this()](Result<store::NamespaceVersions> mine) {
    self->safe_ = std::move(*mine);
    std::erase_if(self->safe_.entries, [](const auto& entry) { return entry.tombstone; });
    self->left_ += self->safe_.entries.size();
    self->ask_owner(0);
  });
}

void PartitionHandOver::ask_owner(size_t owner) {
  if (safe_.entries.empty() || owner == task_.owners.size()) return remove();
  transfer_.versions(task_.owners[owner], bucket(),
                     [self = shared_from_this(), owner](Result<VersionsReply> theirs) {
                       self->narrow(owner, std::move(theirs));
                     });
}

void PartitionHandOver::narrow(size_t owner, Result<VersionsReply> theirs) {
  if (!theirs.ok()) return end(theirs.status().with_context(task_.owners[owner]));
  safe_.entries = held_by(safe_, *theirs);
  ask_owner(owner + 1);
}

void PartitionHandOver::remove() {
  ++bucket_;
  if (cancelled_ || safe_.entries.empty()) return next_bucket();
  std::vector<store::EntryRef> entries;
  entries.reserve(safe_.entries.size());
  for (store::VersionOf& entry : safe_.entries) {
    entries.push_back({namespaces_[namespace_].ns, std::move(entry.id), entry.version});
  }
  left_ -= entries.size();
  ++*removals_;
  transfer_.purge(std::move(entries), [self = shared_from_this()](Result<uint64_t> removed) {
    --*self->removals_;
    if (!removed.ok()) return self->end(removed.status());
    self->removed_ += *removed;
    self->next_bucket();
  });
}

}  // namespace ferro::node::cluster
