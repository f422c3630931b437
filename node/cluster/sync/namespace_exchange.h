// One namespace compared with one peer, bucket by bucket, and what differs moved.
#pragma once

#include <cstdint>
#include <memory>

#include "node/cluster/sync/transfer.h"
#include "node/cluster/sync/version_diff.h"

namespace ferro::node::cluster {

// Ids of one list: a megabyte or so of message.
inline constexpr uint64_t kBucketIds = 16'384;
// A namespace that needs more has more entries than a node holds.
inline constexpr uint32_t kBucketsMax = 1U << 16;

// A power of two that leaves about kBucketIds to each.
uint32_t buckets_for(uint64_t ids) noexcept;

struct NamespaceOutcome {
  uint64_t differences = 0;
  uint64_t changed = 0;  // of those, how many made a difference where they went
  NamespaceOutcome& operator+=(const NamespaceOutcome& other) noexcept {
    differences += other.differences;
    changed += other.changed;
    return *this;
  }
};

struct NamespaceTask {
  NodeId peer;
  model::NamespaceKey ns;
  uint64_t ids = 0;  // about so many, on whichever side has more
  DiffRules rules;
  ByteBudget* budget = nullptr;
  model::SlotSet slots = model::kAllSlots;  // only ids of these
};

// Lives as long as its steps do. The transfer outlives it.
class NamespaceExchange : public std::enable_shared_from_this<NamespaceExchange> {
 public:
  static void run(Transfer& transfer, NamespaceTask task, Then<NamespaceOutcome> then);

 private:
  NamespaceExchange(Transfer& transfer, NamespaceTask task, Then<NamespaceOutcome> then)
      : transfer_(transfer), task_(std::move(task)), then_(std::move(then)) {}

  void next_bucket();
  void on_theirs(Result<VersionsReply> theirs);
  void pull();
  void drop();
  void push();
  void moved(const Result<Moved>& moved, void (NamespaceExchange::*next)());

  Transfer& transfer_;
  NamespaceTask task_;
  Then<NamespaceOutcome> then_;
  uint32_t bucket_ = 0, buckets_ = 1;
  Difference difference_;
  NamespaceOutcome outcome_;
};

}  // namespace ferro::node::cluster
