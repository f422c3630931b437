// Answers what peers ask, and what this node asks of itself in a round over all owners.
//
// Owned by the cluster node, on its loop. Requests about partitions that this node does not own, as it sees
// the ring, or of which another owner that can be asked knows writes that this one missed, are refused with
// failed_precondition: the asker looks at the ring again.
#pragma once

#include <string_view>

#include "node/cluster/core/access_tally.h"
#include "node/cluster/core/context.h"
#include "node/cluster/core/owner.h"
#include "node/cluster/peers/peers.h"
#include "node/cluster/wire/messages.h"

namespace ferro::node::cluster {

class Desk {
 public:
  Desk(Context& context, Owner& owner, AccessTally& accesses)
      : context_(context), owner_(owner), accesses_(accesses) {}

  using LookupAnswer = Result<engine::LookupResult>;
  // failed_precondition where this node may have missed writes and another owner is there that has not. Asked
  // before every lookup here. Loop.
  Status check_knows(const model::NamespaceKey& ns, model::SlotSet slots) const;
  // Looks up here, now or on another thread; `done` on the loop.
  void serve_lookup(LookupMessage message, std::function<void(LookupAnswer)> done);
  // False for a type that is not served here (gossip, copies).
  // `decide_by_ns`: as PeerService::on_request.
  bool serve(MessageType type, std::string_view body, uint16_t version, int64_t decide_by_ns,
             RespondFn respond);

 private:
  void lookup(std::string_view body, uint16_t version, RespondFn respond);
  void insert(std::string_view body, uint16_t version, int64_t decide_by_ns, RespondFn respond);
  void remove(std::string_view body, uint16_t version, int64_t decide_by_ns, RespondFn respond);
  void drop_namespace(std::string_view body, uint16_t version, int64_t decide_by_ns, RespondFn respond);
  void invalidate(std::string_view body, uint16_t version, int64_t decide_by_ns, RespondFn respond);
  void find(std::string_view body, uint16_t version, RespondFn respond);
  void count_entries(std::string_view body, uint16_t version, RespondFn respond);
  void list_namespaces(std::string_view body, uint16_t version, RespondFn respond);
  void top_entries(std::string_view body, uint16_t version, RespondFn respond);

  // Reads all of what is asked about, away from the loop.
  template <typename Message, typename Reply>
  void scan(std::string_view body, uint16_t version, RespondFn respond,
            Reply (*read)(const engine::Engine&, const Message&, const model::Territory&));
  // Runs `work` away from the loop and gives its result on it.
  template <typename T>
  void offload(std::function<T()> work, std::function<void(T)> done);
  bool may_run_on_loop(int64_t now_ns) const noexcept;

  Context& context_;
  Owner& owner_;
  AccessTally& accesses_;
  // Lookups of the running millisecond that ran on the loop, and how long they took.
  int64_t window_start_ns_ = 0, window_busy_ns_ = 0;
};

}  // namespace ferro::node::cluster
