#include <algorithm>

#include "common/obs/log.h"
#include "node/cluster/peers/peer_hub.h"

namespace ferro::node::cluster {

void PeerHub::set_address(const NodeId& node, const Endpoint& address) {
  if (stopped_ || node == options_.self) return;
  Peer* const peer = find_or_add_peer(node);
  if (peer == nullptr || peer->address == address) return;
  peer->address = address;
  if (peer->breaker.is_open()) probe(*peer);
}

void PeerHub::introduce(const Endpoint& address) {
  if (stopped_) return;
  size_t introductions = 0;
  for (const auto& [id, link] : links_) {
    if (!link.outgoing) continue;
    if (link.to == address && link.greeted) {
      loop_.post([this, alive = std::weak_ptr(alive_), node = link.node] {
        if (const Peer* met = alive.expired() ? nullptr : find_peer(node);
            met != nullptr && !met->links.empty())
          service_.on_peer_up(node);
      });
    }
    if (link.to == address) return;
    introductions += !link.greeted && link.expected.empty() ? 1 : 0;
  }
  if (introductions < kIntroductionsMax) connect_to(address, {});
}

void PeerHub::connect(Peer& peer) {
  if (!peer.address || peer.connecting != 0) return;
  make_room(peer, true);
  peer.connecting = connect_to(*peer.address, peer.id);
}

LinkId PeerHub::connect_to(const Endpoint& to, const NodeId& expected) {
  const LinkId id = network_.connect(to);
  Link& link = links_[id];
  link.id = id;
  link.outgoing = true;
  link.to = to;
  link.expected = expected;
  link.greeting_timer = loop_.after(options_.connect_timeout_ms, [this, id] {
    const Link* const late = find_link(id);
    const NodeId node = late->expected;
    network_.close(id);
    links_.erase(id);
    connect_failed(node, id, "no greeting in time");
  });
  return id;
}

void PeerHub::on_link_up(LinkId id, bool outgoing) {
  if (stopped_) return network_.close(id);
  if (outgoing) {
    if (find_link(id) != nullptr) network_.send(id, make_greeting(options_, now_ns() / 1'000'000));
    return;
  }
  if (strangers_ >= kStrangersMax) return network_.close(id);
  ++strangers_;
  Link& link = links_[id];
  link.id = id;
  link.greeting_timer = loop_.after(
      kGreetingTimeoutMs, [this, id] { refuse(id, "a node that connected", "no greeting in time"); });
  network_.send(id, make_greeting(options_, now_ns() / 1'000'000));
}

void PeerHub::admit(Link& link, const Hello& hello, uint16_t version) {
  loop_.cancel(std::exchange(link.greeting_timer, 0));
  if (!link.outgoing) --strangers_;
  const LinkId id = link.id;
  const NodeId node = hello.node, expected = link.expected;
  Peer& peer = peers_.at(node);
  if (peer.connecting == id) peer.connecting = 0;
  const bool is_reborn = drop_lives_before(peer, hello.generation);
  if (link.outgoing && expected != node) {
    connect_failed(expected, id, "node " + node + " is at its address");
    const Link* const best = best_link(peer);
    if (best != nullptr && best->outgoing && !best->silent && !best->outdated) {  // it is well known
      network_.close(id);
      links_.erase(id);
      return service_.on_peer_up(node);
    }
  }
  if (!link.outgoing) make_room(peer, false);
  link.greeted = true;
  link.node = node;
  link.version = version;
  if (hello.clock_ms != 0 && hello.clock_ms <= kWireTimeMaxMs)
    link.transit.late_ms(hello.clock_ms, now_ns() / 1'000'000);
  const bool is_first = peer.links.empty();
  peer.links.push_back(id);
  if (link.outgoing && !peer.address) peer.address = link.to;
  retire_outdated(peer, id);
  if (link.outdated) look_later(peer);
  if (peer.breaker.is_open()) {
    ping(peer, link);
  } else {
    flush_waiting(peer, link);
  }
  if (is_reborn) service_.on_peer_down(node);
  if (is_first) service_.on_peer_up(node);
}

// A node that was started again has forgotten its links. True if it had any.
bool PeerHub::drop_lives_before(Peer& peer, uint64_t generation) {
  const uint64_t before = std::exchange(peer.generation, generation);
  if (before == generation || peer.links.empty()) return false;
  for (const LinkId old : std::vector<LinkId>(peer.links))
    remove_link(old, Status::unavailable(peer.id + " was started again"));
  return true;
}

// A peer that connects again and again, or is connected to again, has lost the older links.
void PeerHub::make_room(Peer& peer, bool outgoing) {
  const size_t links_max = outgoing ? kLinksToPeerMax : kLinksFromPeerMax;
  std::vector<LinkId> same_way = peer.links;
  std::erase_if(same_way, [&](LinkId link) { return links_.at(link).outgoing != outgoing; });
  for (size_t i = 0; i + links_max <= same_way.size(); ++i)
    remove_link(same_way[i], Status::unavailable("newer links took its place"));
}

namespace {

// A frame that was made before it was known whom it would go to, for one who does not know timings.
std::string untimed(const std::string& bytes) {
  const Result<Frame> frame = decode_frame(bytes);
  return encode_frame(frame->kind, frame->type, frame->call, frame->body);
}

}  // namespace

void PeerHub::flush_waiting(Peer& peer, Link& link) {
  for (Waiting& waiting : std::exchange(peer.waiting, {})) {
    peer.waiting_bytes -= waiting.frame.size();
    if (Call* call = calls_.find(waiting.call)) {
      call->link = link.id;
      ++link.calls;
    }
    network_.send(link.id,
                  link.version >= kTimedRequestsSince ? std::move(waiting.frame) : untimed(waiting.frame));
  }
}

// A later life has taken the place of this one, and answers: a process of the same id that was started
// earlier is still there.
bool PeerHub::is_outlived(const Peer& peer, uint64_t generation) const {
  return generation < peer.generation && std::any_of(peer.links.begin(), peer.links.end(),
                                                     [this](LinkId id) { return !links_.at(id).silent; });
}

void PeerHub::note_refusal(const std::string& who, const std::string& why) {
  if (refusals_.add(who, why)) obs::warn("a link was refused", {{"peer", who}, {"reason", why}});
}

// Anybody may connect from anywhere as often as he likes.
void PeerHub::on_stranger_refused(const std::string& from, const Status& why) {
  if (stopped_ || !refusals_.add(from, why.message())) return;
  if (strangers_said_ns_ != 0 && now_ns() - strangers_said_ns_ < kStrangersSaidMs * 1'000'000) return;
  strangers_said_ns_ = now_ns();
  obs::warn("a connection to the port between nodes was refused",
            {{"from", from}, {"reason", why.message()}});
}

void PeerHub::refuse(LinkId id, const std::string& who, const std::string& why) {
  note_refusal(who, why);
  end_greeting(id, why);
}

void PeerHub::end_greeting(LinkId id, const std::string& why) {
  Link* const link = find_link(id);
  if (link->greeting_timer != 0) loop_.cancel(link->greeting_timer);
  if (!link->outgoing) --strangers_;
  const NodeId expected = link->expected;
  network_.close(id);
  links_.erase(id);
  connect_failed(expected, id, why);
}

// A node that could not be reached by its address may still be connected by a link of its own.
void PeerHub::connect_failed(const NodeId& node, LinkId link, const std::string& why) {
  Peer* const peer = find_peer(node);
  if (peer == nullptr) return;
  if (peer->connecting == link) peer->connecting = 0;
  peer->last_error = why;
  if (peer->links.empty()) open_breaker(*peer, why);
  look_later(*peer);
}

void PeerHub::on_link_down(LinkId id, const Status& why) {
  Link* const link = find_link(id);
  if (link == nullptr || stopped_) return;
  if (!link->greeted) {
    if (link->greeting_timer != 0) loop_.cancel(link->greeting_timer);
    if (!link->outgoing) --strangers_;
    const NodeId expected = link->expected;
    if (why.code() == StatusCode::permission_denied)
      note_refusal(link->outgoing ? to_string(link->to) : "a node that connected", why.message());
    links_.erase(id);
    return connect_failed(expected, id, why.message());
  }
  drop_link(id, why);
}

bool PeerHub::remove_link(LinkId id, const Status& why) {
  const NodeId node = find_link(id)->node;
  const Status reason = why.with_context("the link to " + node + " broke");
  links_.erase(id);
  network_.close(id);
  for (Call& call : calls_.take_all([id](const Call& call) { return call.link == id; }))
    fail_call(std::move(call), Status::unavailable(reason.message()));
  Peer& peer = peers_.at(node);
  std::erase(peer.links, id);
  return peer.links.empty();
}

// What a broken link tells of its peer: with calls on it, the peer is not to be asked before it answers
// again; without, it is found out at once whether it is still there.
void PeerHub::drop_link(LinkId id, const Status& why) {
  const Link gone = *find_link(id);
  const bool was_last = remove_link(id, why);
  Peer& peer = peers_.at(gone.node);
  peer.last_error = why.message();
  if (!was_last) {
    if (Link* other = gone.calls > 0 && best_link(peer) != nullptr ? find_link(best_link(peer)->id) : nullptr)
      ping(peer, *other);
    return;
  }
  if (gone.calls > 0) {
    if (open_breaker(peer, why.message())) probe(peer);
  } else if (!peer.breaker.is_open()) {
    connect(peer);
  }
  erase_if_unknown(gone.node);
  service_.on_peer_down(gone.node);
}

// Whoever has neither link nor address came by itself and has gone.
void PeerHub::erase_if_unknown(const NodeId& node) {
  Peer* const peer = find_peer(node);
  if (peer == nullptr || peer->address || !peer->links.empty() || peer->connecting != 0) return;
  if (peer->look_timer != 0) loop_.cancel(peer->look_timer);
  peers_.erase(node);
}

void PeerHub::forget(const NodeId& node) {
  Peer* const peer = find_peer(node);
  if (peer == nullptr || stopped_) return;
  for (const LinkId link : std::vector<LinkId>(peer->links))
    remove_link(link, Status::unavailable("it left"));
  for (Call& call : calls_.take_all([&](const Call& call) { return call.to == node; }))
    fail_call(std::move(call), Status::unavailable(node + " left the cluster"));
  if (const Link* link = find_link(peer->connecting)) {
    loop_.cancel(link->greeting_timer);
    network_.close(link->id);
    links_.erase(peer->connecting);
  }
  if (peer->look_timer != 0) loop_.cancel(peer->look_timer);
  peers_.erase(node);
}

// A new link first, then the old one's end: nothing that is under way is lost.
void PeerHub::on_link_outdated(LinkId id) {
  Link* const link = find_link(id);
  if (link == nullptr || stopped_) return;
  link->outdated = true;
  if (!link->greeted) return;
  Peer& peer = peers_.at(link->node);
  connect(peer);
  if (peer.connecting == 0) look_later(peer);
}

void PeerHub::retire_outdated(Peer& peer, LinkId except) {
  if (links_.at(except).outdated) return;
  for (const LinkId id : peer.links) {
    Link& link = links_.at(id);
    if (link.outdated && id != except) retire(link);
  }
}

void PeerHub::retire(Link& link) {
  if (std::exchange(link.retired, true)) return;
  link.drained_by_ns = now_ns() + kDrainMs * 1'000'000;
  network_.send(link.id, encode_frame(FrameKind::one_way, MessageType::retire_link, 0, {}));
  loop_.after(kDrainLookMs, [this, id = link.id, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) close_if_drained(id);
  });
}

// Once both sides have promised to ask nothing more, and everything asked has been answered and handed over;
// or much later than any call may take.
void PeerHub::close_if_drained(LinkId id) {
  Link* const link = find_link(id);
  if (link == nullptr || stopped_) return;
  const bool is_drained =
      link->peer_retired && link->calls == 0 && link->serving == 0 && network_.waiting_bytes(id) == 0;
  if (is_drained || now_ns() >= link->drained_by_ns) {
    const NodeId node = link->node;
    const bool was_last = remove_link(id, Status::unavailable("it was replaced"));
    if (was_last) service_.on_peer_down(node);
    return;
  }
  loop_.after(kDrainLookMs, [this, id, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) close_if_drained(id);
  });
}

}  // namespace ferro::node::cluster
