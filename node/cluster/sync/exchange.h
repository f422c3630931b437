// Some partitions compared with one peer and what differs moved: digests first, then the namespaces that
// differ, several at a time. docs/cluster.md, "Repair".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "node/cluster/sync/namespace_exchange.h"
#include "node/cluster/sync/transfer.h"

namespace ferro::node::cluster {

struct ExchangeMode {
  // Namespaces whose entries are equal are looked at too when their tombstones are not as many: a new owner
  // needs them, lest somebody's old copy comes back once the old owners have gone.
  bool tombstones = false;
  DiffRules::Pull pull = DiffRules::Pull::everything;
  bool push = true;
  // When this node was last alive in the cluster (wall time), if that may be longer ago than tombstones are
  // kept: then what a peer lacks, and has given up tombstones for, is dropped. 0 = no such doubt.
  int64_t away_since_ms = 0;
};

struct UnitOutcome {
  Unit unit;
  Status status;  // ok: compared whole, and what differed was moved
  NamespaceOutcome found;
};

struct ExchangeRequest {
  NodeId peer;
  std::vector<Unit> units;  // at most kExchangeUnitsMax
  Splits splits;
  ExchangeMode mode;
  ByteBudget* budget = nullptr;
};

inline constexpr size_t kExchangeUnitsMax = 256;
inline constexpr size_t kNamespacesAtOnce = 16;  // compared at a time: hides the way there and back
// Of one partition; beyond it a partition is never in step, which status shows.
inline constexpr size_t kNamespacesOfPartitionMax = 65'536;

// Lives as long as its steps do. The transfer outlives it.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  using Done = std::function<void(std::vector<UnitOutcome>)>;  // one for each unit of the request
  static void run(Transfer& transfer, ExchangeRequest request, Done done);

 private:
  struct Task {
    size_t outcome = 0;  // index
    model::NamespaceKey ns;
    uint64_t ids = 0;
    model::SlotSet slots = model::kAllSlots;
  };

  Exchange(Transfer& transfer, ExchangeRequest request, Done done);
  void ask();
  void on_digests(Result<DigestsReply> reply);
  void on_summaries(const DigestsReply& reply, const Transfer::Summaries& mine);
  void add_tasks(size_t outcome, const std::vector<NamespaceDigest>& theirs,
                 const std::vector<store::NamespaceSummary>& mine);
  void work();
  void on_compared(size_t outcome, Result<NamespaceOutcome> result);
  void fail_asked(const Status& status);

  Transfer& transfer_;
  ExchangeRequest request_;
  Done done_;
  std::vector<UnitOutcome> outcomes_;
  std::map<Unit, size_t> index_;
  std::vector<Unit> asked_;  // in the message under way, and what is left for the next one
  std::deque<Task> tasks_;
  size_t running_ = 0;
  int64_t drop_upto_ms_ = 0;
};

}  // namespace ferro::node::cluster
