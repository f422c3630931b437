// Rounds of gossip: with whom, when, and looking for seeds while there is nobody.
//
// Owned by the cluster node, on its loop.
#pragma once

#include <functional>
#include <string_view>

#include "node/cluster/core/clock_watch.h"
#include "node/cluster/core/context.h"
#include "node/cluster/membership/membership.h"

namespace ferro::node::cluster {

class Gossiper {
 public:
  // `learned`: after every exchange that may have changed what is known.
  Gossiper(Context& context, Membership& membership, ClockWatch& clocks, std::function<void()> learned)
      : context_(context), membership_(membership), clocks_(clocks), learned_(std::move(learned)) {}

  void round();
  // With this one now; with every live member now (something urgent changed).
  void with(const NodeId& node);
  void with_all();

  void serve_syn(const NodeId& from, std::string_view body, uint16_t version, const RespondFn& respond);
  void take_ack2(std::string_view body);

 private:
  void look_for_seeds();
  // What a message brought is acted on; most bring heartbeats only.
  void learn();
  void learn_addresses();

  Context& context_;
  Membership& membership_;
  ClockWatch& clocks_;
  const std::function<void()> learned_;
  uint64_t rounds_ = 0;
  uint64_t learned_upto_ = 0, addresses_upto_ = 0;  // Membership::change_count
};

}  // namespace ferro::node::cluster
