#include "node/cluster/peers/peer_hub.h"

namespace ferro::node::cluster {

void PeerHub::on_frame(LinkId id, std::string_view bytes) {
  Link* const link = find_link(id);
  if (link == nullptr || stopped_) return;
  if (!link->greeted) return on_greeting(*link, bytes);
  const Result<Frame> frame = decode_frame(bytes);
  if (!frame.ok()) return drop_link(id, frame.status().with_context("a frame of " + link->node));
  switch (frame->kind) {
    case FrameKind::request:
      return on_request(*link, *frame);
    case FrameKind::one_way:
      return on_one_way(*link, *frame);
    case FrameKind::response:
    case FrameKind::failure:
      return on_answer(*link, *frame);
  }
}

void PeerHub::on_greeting(Link& link, std::string_view bytes) {
  const std::string place = link.outgoing ? to_string(link.to) : "a node that connected";
  const Result<Hello> hello = read_greeting(bytes);
  if (!hello.ok()) return refuse(link.id, place, hello.status().message());
  const std::string who = link.outgoing ? place : hello->node;
  const Result<uint16_t> version = check_greeting(options_, *hello);
  if (!version.ok()) return refuse(link.id, who, version.status().message());
  if (find_or_add_peer(hello->node) == nullptr)
    return refuse(link.id, who, "too many nodes are known already");
  admit(link, *hello, *version);
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
