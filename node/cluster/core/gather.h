// One question to the whole cluster, each partition answered exactly once: every acting owner is asked for
// the partitions that it acts for; those of a node that fails go to their next owners. Where the table of
// splits has changed before all have answered, so that nobody goes by the old one any more, all are asked
// anew.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "node/cluster/core/context.h"
#include "node/cluster/core/desk.h"

namespace ferro::node::cluster {

struct Question {
  MessageType type = MessageType::count_entries;
  // Which partitions are asked about, by the table of splits.
  std::function<model::PartitionSet(const model::SplitTable& splits)> partitions;
  int64_t timeout_ms = 1000;  // of one node's answer
  int64_t decide_ms = 0;      // of a change: CallWait; 0 = timeout_ms
  // The request's body for a share of the partitions, as they hold entries by a table of splits that is the
  // same for the whole question, and what is done with each answer.
  std::function<std::string(const model::Territory& share, uint16_t version)> body;
  std::function<Status(std::string_view reply)> take;
  // Forgets the answers taken so far, before everybody is asked anew. None for removals: what they have
  // removed stays removed, and nobody finds it again.
  std::function<void()> forget;
};

// Any thread; `done` once, on the loop: ok when every partition was answered.
void start_gather(Context& context, Desk& desk, Question question, std::function<void(Status)> done);

}  // namespace ferro::node::cluster
