#include <limits>

#include "node/cluster/peers/peer_hub.h"

namespace ferro::node::cluster {

void PeerHub::on_frame(LinkId id, std::string_view bytes) {
  Link* const link = find_link(id);
  if (link == nullptr || stopped_) return;
  if (link->turned_away) return;
  if (!link->greeted) return on_greeting(*link, bytes);
  const Result<Frame> frame = decode_frame(bytes);
  if (!frame.ok()) return drop_link(id, frame.status().with_context("a frame of " + link->node));
  switch (frame->kind) {
    case FrameKind::request:
      return on_request(*link, *frame);
    case FrameKind::one_way:
      return on_one_way(*link, *frame);
    case FrameKind::failure:
      if (frame->type == MessageType::hello) return on_turned_away(*link, *frame);
      return on_answer(*link, *frame);
    case FrameKind::response:
      return on_answer(*link, *frame);
  }
}

void PeerHub::on_greeting(Link& link, std::string_view bytes) {
  const std::string place = link.outgoing ? to_string(link.to) : "a node that connected";
  const Result<Hello> hello = read_greeting(bytes);
  if (!hello.ok()) return refuse(link.id, place, hello.status().message());
  const std::string who = link.outgoing ? place : hello->node;
  if (is_own_greeting(options_, *hello)) return end_greeting(link.id, "it is this node itself");
  const Result<uint16_t> version = check_greeting(options_, *hello);
  if (!version.ok()) {
    if (is_taken_by(options_, *hello)) note_taken(version.status().message() + " (" + place + ")");
    return refuse(link.id, who, version.status().message());
  }
  const Peer* const peer = find_or_add_peer(hello->node);
  if (peer == nullptr) return refuse(link.id, who, "too many nodes are known already");
  if (is_outlived(*peer, hello->generation)) return turn_away(link, who, *peer);
  admit(link, *hello, *version);
}

// Where a peer is that is not behind `other`: its address may be that of the other one by now.
std::string PeerHub::place_of(const Peer& peer, const Link& other) const {
  for (const LinkId id : peer.links) {
    if (links_.at(id).outgoing) return to_string(links_.at(id).to);
  }
  if (peer.address && (!other.outgoing || *peer.address != other.to)) return to_string(*peer.address);
  const std::string host = peer.links.empty() ? std::string() : network_.remote_host(peer.links.back());
  return host.empty() ? "another address" : host;
}

namespace {

// Nobody has asked for it, and it must not be taken for the answer to something.
constexpr uint64_t kNoCall = std::numeric_limits<uint64_t>::max();

}  // namespace

// The one that was started later counts: if each took the other's place, neither could be asked anything.
void PeerHub::turn_away(Link& link, const std::string& who, const Peer& peer) {
  const std::string host = link.outgoing ? to_string(link.to) : network_.remote_host(link.id);
  const std::string why = "this one, " + (host.empty() ? "from somewhere" : "at " + host) +
                          ", was started earlier than the one at " + place_of(peer, link) + ": " +
                          one_id_each(peer.id);
  const Status status(StatusCode::failed_precondition, why);
  network_.send(link.id,
                encode_frame(FrameKind::failure, MessageType::hello, kNoCall, encode_status(status)));
  note_refusal(who, why);
  link.turned_away = true;
  loop_.after(kTurnedAwayMs, [this, id = link.id, why, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && find_link(id) != nullptr) end_greeting(id, why);
  });
}

// Tried again less and less often, like one that does not answer.
void PeerHub::on_turned_away(const Link& link, const Frame& frame) {
  const Status said = decode_status(frame.body);
  const NodeId node = link.node;
  const LinkId id = link.id;
  note_refusal(node, "it refuses this node: " + said.message());
  if (said.code() == StatusCode::failed_precondition) note_taken("node " + node + " says: " + said.message());
  Peer& peer = peers_.at(node);
  open_breaker(peer, said.message());
  const bool was_last = remove_link(id, Status::unavailable("it was refused"));
  look_later(peer);
  if (was_last) service_.on_peer_down(node);
}

void PeerHub::note_taken(std::string why) {
  taken_ = std::move(why);
  taken_until_ns_ = now_ns() + kTakenMs * 1'000'000;
}

// Any answer shows that the peer is there, one to a call that has been given up too.
void PeerHub::on_answer(Link& link, const Frame& frame) {
  heard(link);
  const Call* const asked = calls_.find(frame.call);
  if (asked == nullptr || asked->link != link.id) return;
  const Call call = std::move(*calls_.cancel(frame.call));
  end_call(call);
  Peer& peer = peers_.at(link.node);
  if (frame.kind == FrameKind::failure) {
    if (!call.is_ping) ++peer.calls_failed;
    return call.done(decode_status(frame.body));
  }
  if (!call.is_ping) {
    constexpr double kNewest = 0.1;
    const double took_ms = static_cast<double>(now_ns() - call.sent_ns) / 1e6;
    peer.latency_ms =
        peer.latency_ms == 0.0 ? took_ms : peer.latency_ms + kNewest * (took_ms - peer.latency_ms);
  }
  call.done(frame.body);
}

namespace {

// Lives as long as anybody may still answer; what is dropped unanswered is no longer being served either.
struct Pending {
  std::function<void()> ended;
  explicit Pending(std::function<void()> when_ended) : ended(std::move(when_ended)) {}
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() { ended(); }
};

}  // namespace

// When the asker gives up, as far as this node can tell; 0 if it does not say. Somewhat earlier: how long the
// quickest frame takes is not known.
int64_t PeerHub::decide_by_ns(Link& link, const RequestTiming& timing, int64_t& late_ms) {
  const int64_t now = now_ns();
  late_ms = link.transit.late_ms(timing.sent_ms, now / 1'000'000);
  const auto wait_ms = static_cast<int64_t>(std::min(timing.wait_ms, kWaitMaxMs));
  return now + (wait_ms - wait_ms / kWaitReserve - late_ms) * 1'000'000;
}

void PeerHub::on_request(Link& link, const Frame& frame) {
  int64_t late_ms = 0;
  const int64_t decide_by = frame.timing ? decide_by_ns(link, *frame.timing, late_ms) : 0;
  // Its sender has given up and asked another: what it wanted may have been undone since. What comes behind
  // it on this link is as old; if it is the sender's clock that jumped, a new link takes new measure.
  if (late_ms > 0 && decide_by < now_ns() && frame.type != MessageType::ping) {
    return drop_link(link.id,
                     Status::unavailable("requests of " + link.node + " come " + std::to_string(late_ms) +
                                         " ms late, when nobody waits any more"));
  }
  if (frame.type == MessageType::ping) return respond(link.id, frame.type, frame.call, std::string());
  if (link.serving >= options_.calls_max)
    return respond(link.id, frame.type, frame.call,
                   Status::unavailable("too many calls of one peer are under way"));
  ++link.serving;
  auto pending = std::make_shared<Pending>([this, id = link.id, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (Link* served = find_link(id)) --served->serving;
  });
  const NodeId from = link.node;
  service_.on_request(
      from, frame.type, frame.body, link.version, decide_by,
      [this, id = link.id, type = frame.type, call = frame.call, alive = std::weak_ptr(alive_),
       pending = std::move(pending)](Result<std::string> answer) {
        if (!alive.expired()) respond(id, type, call, answer);
      });
}

// An answer that the peer does not read is dropped: it has given up by then, and memory is bounded.
void PeerHub::respond(LinkId id, MessageType type, uint64_t call, const Result<std::string>& answer) {
  const Link* const link = find_link(id);
  if (link == nullptr || stopped_) return;
  std::string frame = answer.ok()
                          ? encode_frame(FrameKind::response, type, call, *answer)
                          : encode_frame(FrameKind::failure, type, call, encode_status(answer.status()));
  if (frame.size() > kFrameBytesMax) {
    const Status too_large(StatusCode::too_large, "an answer of " + std::to_string(frame.size()) + " bytes");
    frame = encode_frame(FrameKind::failure, type, call, encode_status(too_large));
  }
  const size_t waiting = network_.waiting_bytes(id);
  if (waiting > 0 && waiting + frame.size() > options_.waiting_bytes_max) return;
  network_.send(id, std::move(frame));
}

void PeerHub::on_one_way(Link& link, const Frame& frame) {
  if (frame.type == MessageType::hello) return;
  if (frame.type == MessageType::retire_link) {
    link.peer_retired = true;
    return retire(link);
  }
  const NodeId from = link.node;
  service_.on_one_way(from, frame.type, frame.body);
}

}  // namespace ferro::node::cluster
