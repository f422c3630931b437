#include "node/cluster/core/gossiper.h"

#include <algorithm>
#include <utility>

#include "common/obs/log.h"
#include "node/cluster/core/member_keys.h"
#include "node/cluster/ring/member_values.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

constexpr size_t kTargetsPerRound = 2;
// Alone: seeds are asked every second. In company: one of them now and then, so that two clusters that were
// formed apart find each other.
constexpr int64_t kSeedsAloneEveryMs = 1000;
constexpr int64_t kSeedsInCompanyEveryMs = 15'000;
constexpr size_t kUrgentPeersMax = 32;

}  // namespace

void Gossiper::round() {
  membership_.beat();
  membership_.tick();
  look_for_seeds();
  ++rounds_;
  for (const NodeId& node :
       membership_.choose_targets([this] { return context_.loop.random(); }, kTargetsPerRound)) {
    with(node);
  }
  learn();
}

void Gossiper::with(const NodeId& node) {
  std::string syn = encode(membership_.make_syn(), context_.peers->version_of(node));
  context_.figures.gossip_bytes_sent += syn.size();
  context_.peers->call(
      node, MessageType::gossip_syn, std::move(syn), context_.options.request_timeout_ms,
      [this, node, sent_ns = context_.loop.clock().steady_ns()](const Result<std::string_view>& body) {
        if (!body.ok()) return;  // its breaker and its silence say enough
        context_.figures.gossip_bytes_received += body->size();
        const auto ack = decode<GossipAck>(*body);
        if (!ack.ok()) {
          obs::warn("a peer's gossip cannot be read", {{"peer", node}, {"reason", ack.status().message()}});
          return;
        }
        if (ack->wall_ms != 0) clocks_.note(node, ack->wall_ms, sent_ns);
        std::string ack2 = encode(membership_.on_ack(*ack), context_.peers->version_of(node));
        context_.figures.gossip_bytes_sent += ack2.size();
        context_.peers->send_one_way(node, MessageType::gossip_ack2, std::move(ack2));
        learn();
      });
}

void Gossiper::with_all() {
  size_t asked = 0;
  for (const Member& member : membership_.members()) {
    if (member.id == context_.options.self || !is_live(member)) continue;
    if (++asked > kUrgentPeersMax) return;
    with(member.id);
  }
}

void Gossiper::serve_syn(const NodeId& from, std::string_view body, uint16_t version,
                         const RespondFn& respond) {
  context_.figures.gossip_bytes_received += body.size();
  const auto syn = decode<GossipSyn>(body);
  if (!syn.ok()) return respond(syn.status());
  GossipAck answer = membership_.on_syn(from, *syn);
  answer.wall_ms = context_.loop.clock().wall_ms();
  std::string ack = encode(answer, version);
  context_.figures.gossip_bytes_sent += ack.size();
  respond(std::move(ack));
  learn_addresses();
}

void Gossiper::take_ack2(std::string_view body) {
  context_.figures.gossip_bytes_received += body.size();
  const auto ack2 = decode<GossipAck2>(body);
  if (!ack2.ok()) return;
  membership_.on_ack2(*ack2);
  learn();
}

void Gossiper::look_for_seeds() {
  const auto& seeds = context_.options.seeds;
  if (seeds.empty()) return;
  const auto& members = membership_.members();
  const bool alone = std::none_of(members.begin(), members.end(), [this](const Member& member) {
    return member.id != context_.options.self && is_live(member);
  });
  const int64_t every_ms = alone ? kSeedsAloneEveryMs : kSeedsInCompanyEveryMs;
  const auto every =
      static_cast<uint64_t>(std::max<int64_t>(1, every_ms / context_.options.gossip_interval_ms));
  if (rounds_ % every != 0) return;
  const size_t count = alone ? seeds.size() : 1;
  const size_t first = context_.loop.random() % seeds.size();
  for (size_t i = 0; i < count; ++i) {
    const Endpoint& seed = seeds[(first + i) % seeds.size()];
    context_.network.resolve(seed, [this, seed](const Result<std::vector<Endpoint>>& found) {
      if (!found.ok()) {
        return obs::debug("a seed has no address",
                          {{"seed", to_string(seed)}, {"reason", found.status().message()}});
      }
      for (const Endpoint& address : *found) {
        if (address != context_.options.advertised) context_.peers->introduce(address);
      }
    });
  }
}

void Gossiper::learn() {
  learn_addresses();
  if (std::exchange(learned_upto_, membership_.change_count()) != membership_.change_count()) learned_();
}

void Gossiper::learn_addresses() {
  if (std::exchange(addresses_upto_, membership_.change_count()) == membership_.change_count()) return;
  for (const Member& member : membership_.members()) {
    if (member.id == context_.options.self) continue;
    const auto address = parse_endpoint(member.value(kGossipAddressKey));
    if (address.ok()) context_.peers->set_address(member.id, *address);
  }
}

}  // namespace ferro::node::cluster
