// Whether this node's wall clock agrees with the others': stamps of a clock that is far ahead win over what
// was written later elsewhere, so the others refuse them, and a clock that is far behind refuses theirs.
//
// Every gossip exchange tells the time of another node. It is kept in relation to this node's steady clock,
// so a jump of this node's own wall clock shows at once. Whoever differs from most of the others is the one
// that is wrong; of two nodes it is the one ahead, because only its stamps do harm.
//
// Owned by the cluster node. `may_stamp` from any thread, the rest on its loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/time/clock.h"
#include "node/cluster/placement/placement.h"

namespace ferro::node::cluster {

class ClockWatch {
 public:
  // A node further from most of the others is not fit: half of what makes them refuse its stamps
  // (limits::kClockSkewMaxMs), so that it steps back before they have to. Fit again well below it.
  static constexpr int64_t kUnfitMs = 30'000, kFitAgainMs = 20'000;

  explicit ClockWatch(const Clock& clock) : clock_(clock) {}

  // `peer` said that it is `theirs_ms`, at some time between `sent_ns` (steady) and now.
  void note(const NodeId& peer, int64_t theirs_ms, int64_t sent_ns);

  // Judges by those that live. `stamp_ms`: the wall time of the newest stamp that this node has issued or
  // seen; it cannot issue an older one.
  void judge(const std::set<NodeId>& live, int64_t stamp_ms);

  // Empty if it is fit.
  const std::string& reason() const noexcept { return reason_; }
  // Ahead of the others' middle, negative if behind; 0 while nobody has told.
  int64_t ahead_ms() const noexcept { return ahead_ms_; }
  // Of one peer, if it has told.
  std::optional<int64_t> ahead_of_ms(const NodeId& peer) const;
  // What is decided now would be stamped with a time that the others can take. Between two judgements, too.
  bool may_stamp() const noexcept;

 private:
  static constexpr int64_t kUnknown = INT64_MIN;
  int64_t steady_ms() const noexcept { return clock_.steady_ns() / 1'000'000; }

  const Clock& clock_;
  std::map<NodeId, int64_t> wall_minus_steady_;  // their wall clock against this node's steady one
  std::string reason_;
  int64_t ahead_ms_ = 0;
  std::atomic<int64_t> reference_{kUnknown};  // as above, of the others' middle
};

}  // namespace ferro::node::cluster
