#include <algorithm>

#include "common/obs/log.h"
#include "node/cluster/peers/peer_hub.h"

namespace ferro::node::cluster {

// Calls that wait for a link fail now, and those that the peer will not begin with any more or that may come
// to it at any time; others under way may still be answered until their deadlines.
bool PeerHub::open_breaker(Peer& peer, const std::string& why) {
  peer.last_error = why;
  for (const Waiting& waiting : std::exchange(peer.waiting, {})) {
    if (waiting.call != 0) fail_call(*calls_.cancel(waiting.call), Status::unavailable(peer.id + ": " + why));
  }
  peer.waiting_bytes = 0;
  const auto is_vain = [&, now = now_ns()](const Call& call) {
    const bool is_too_late = call.decide_by_ns < call.answer_by_ns && call.decide_by_ns <= now;
    return call.to == peer.id && call.link != 0 && (is_too_late || call.is_harmless);
  };
  for (Call& call : calls_.take_all(is_vain)) {
    fail_call(std::move(call), Status::unavailable(peer.id + ": " + why));
  }
  if (!peer.breaker.open()) return false;
  obs::warn("a peer does not answer", {{"peer", peer.id}, {"reason", why}});
  return true;
}

// An answer came by this link.
void PeerHub::heard(Link& link) {
  Peer& peer = peers_.at(link.node);
  peer.heard = ++steps_;
  link.silent = false;
  if (!peer.breaker.close()) return;
  obs::info("a peer answers again", {{"peer", peer.id}});
  if (peer.look_timer != 0) loop_.cancel(std::exchange(peer.look_timer, 0));
  look_later(peer);
}

// Unless one is under way, for as long as a probe may take or for `timeout_ms`.
void PeerHub::ping(Peer& peer, Link& link, std::optional<int64_t> timeout_ms) {
  if (std::exchange(link.pinged, true)) return;
  const int64_t wait_ms =
      timeout_ms.value_or(std::max(options_.connect_timeout_ms, options_.probe_interval_ms));
  start_call(peer, &link, MessageType::ping, {}, {wait_ms, wait_ms, false}, true,
             [this, id = link.id](const auto&) {
               if (Link* pinged = find_link(id)) pinged->pinged = false;
             });
}

// Over every link that there is, and by a new one if none of them answers.
void PeerHub::probe(Peer& peer) {
  bool all_silent = true;
  for (const LinkId id : peer.links) {
    Link& link = links_.at(id);
    link.silent = link.silent || link.pinged;
    all_silent = all_silent && link.silent;
    ping(peer, link);
  }
  if (all_silent) connect(peer);
  look_later(peer);
}

void PeerHub::look_later(Peer& peer) {
  if (peer.look_timer != 0 || stopped_) return;
  const int64_t delay_ms = peer.breaker.next_probe_ms(options_.probe_interval_ms, loop_.random());
  peer.look_timer = loop_.after(delay_ms, [this, node = peer.id] { look(node); });
}

// With the breaker open, the next probe. With it closed, what is left to put in order: links that have stayed
// silent while another answers, links to be replaced.
void PeerHub::look(const NodeId& node) {
  Peer& peer = *find_peer(node);
  peer.look_timer = 0;
  if (peer.breaker.is_open()) return probe(peer);
  const auto is_silent = [this](LinkId link) { return links_.at(link).silent; };
  const std::vector<LinkId> links = peer.links;
  if (!std::all_of(links.begin(), links.end(), is_silent)) {
    for (const LinkId link : links) {
      if (is_silent(link)) remove_link(link, Status::unavailable("it has fallen silent"));
    }
  }
  const auto is_due = [this](LinkId id) { return links_.at(id).outdated && !links_.at(id).retired; };
  if (!peer.address || !std::any_of(peer.links.begin(), peer.links.end(), is_due)) return;
  connect(peer);
  look_later(peer);
}

}  // namespace ferro::node::cluster
