#include "node/cluster/peers/peer_hub.h"

#include <algorithm>
#include <tuple>

namespace ferro::node::cluster {

namespace {

// A timer so late: this process was stopped, or the machine was.
constexpr int64_t kSleptNs = 500'000'000;

}  // namespace

std::unique_ptr<Peers> Peers::create(PeersOptions options, Loop& loop, Network& network,
                                     PeerService& service) {
  auto hub = std::make_unique<PeerHub>(std::move(options), loop, network, service);
  network.set_handler(*hub);
  return hub;
}

PeerHub::PeerHub(PeersOptions options, Loop& loop, Network& network, PeerService& service)
    : options_(std::move(options)), loop_(loop), network_(network), service_(service) {}

PeerHub::Peer* PeerHub::find_peer(const NodeId& node) {
  const auto found = peers_.find(node);
  return found == peers_.end() ? nullptr : &found->second;
}

const PeerHub::Peer* PeerHub::find_peer(const NodeId& node) const {
  const auto found = peers_.find(node);
  return found == peers_.end() ? nullptr : &found->second;
}

PeerHub::Peer* PeerHub::find_or_add_peer(const NodeId& node) {
  if (Peer* known = find_peer(node)) return known;
  if (peers_.size() >= kPeersMax) return nullptr;
  Peer& added = peers_[node];
  added.id = node;
  return &added;
}

PeerHub::Link* PeerHub::find_link(LinkId link) {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : &found->second;
}

// Both sides prefer the link that the smaller id made, so that two nodes that connect to each other at once
// settle on one.
const PeerHub::Link* PeerHub::best_link(const Peer& peer) const {
  const Link* best = nullptr;
  const auto rank = [&](const Link& link) {
    const bool made_by_smaller = link.outgoing == (options_.self < peer.id);
    return std::tuple(!link.silent, made_by_smaller, link.id);
  };
  for (const LinkId id : peer.links) {
    const Link& link = links_.at(id);
    if (link.retired || link.peer_retired) continue;
    if (best == nullptr || rank(link) > rank(*best)) best = &link;
  }
  return best;
}

size_t PeerHub::waiting_bytes(const Peer& peer) const {
  size_t bytes = peer.waiting_bytes;
  for (const LinkId link : peer.links) bytes += network_.waiting_bytes(link);
  return bytes;
}

// A message that is larger than the bound may go to a peer for whom nothing waits.
Status PeerHub::check_room(const Peer& peer, size_t body_bytes) const {
  if (peer.calls >= options_.calls_max)
    return Status::unavailable("too many calls to " + peer.id + " are under way");
  const size_t waiting = waiting_bytes(peer);
  if (waiting > 0 && waiting + body_bytes > options_.waiting_bytes_max)
    return Status::unavailable("too much waits to be sent to " + peer.id);
  return {};
}

void PeerHub::call(const NodeId& to, MessageType type, std::string body, CallWait wait, Done done) {
  Peer* const peer = find_peer(to);
  if (stopped_ || peer == nullptr)
    return fail_later(std::move(done), Status::unavailable(stopped_ ? "this node is stopping"
                                                                    : "no address is known of " + to));
  ++peer->calls_total;
  const auto fail = [&](Status why) {
    ++peer->calls_failed;
    fail_later(std::move(done), std::move(why));
  };
  if (peer->breaker.is_open()) return fail(Status::unavailable(to + " does not answer: " + peer->last_error));
  constexpr size_t kHeadBytesMax = 64;
  if (body.size() + kHeadBytesMax > kFrameBytesMax)
    return fail(
        {StatusCode::too_large, "a message to " + to + " of " + std::to_string(body.size()) + " bytes"});
  if (Status room = check_room(*peer, body.size()); !room.ok()) {
    ++peer->calls_refused;
    return fail(std::move(room));
  }
  const Link* const best = best_link(*peer);
  if (best == nullptr && !peer->address && peer->connecting == 0)
    return fail(Status::unavailable("no address is known of " + to));
  start_call(*peer, best != nullptr ? find_link(best->id) : nullptr, type, body, wait, false,
             std::move(done));
}

void PeerHub::start_call(Peer& peer, Link* link, MessageType type, std::string_view body, CallWait wait,
                         bool is_ping, Done done) {
  const int64_t now = now_ns();
  // An older peer is not told by when it has to begin: it may do so for as long as anybody waits.
  const bool timed = link == nullptr || link->version >= kTimedRequestsSince;
  const int64_t answer_by = now + std::max<int64_t>(0, wait.answer_ms) * 1'000'000;
  const int64_t decide_by =
      timed ? std::min(answer_by, now + std::max<int64_t>(0, wait.decide_ms) * 1'000'000) : answer_by;
  const int64_t halfway = now + (decide_by - now) / 2;
  const uint64_t id = calls_.add(decide_by < answer_by ? halfway : answer_by,
                                 {peer.id, link != nullptr ? link->id : 0, ++steps_, now, decide_by,
                                  answer_by, false, wait.is_harmless, is_ping, std::move(done)});
  ++peer.calls;
  const RequestTiming timing{static_cast<uint64_t>(now / 1'000'000),
                             static_cast<uint64_t>((decide_by - now) / 1'000'000)};
  std::string frame =
      encode_frame(FrameKind::request, type, id, body, timed ? std::optional(timing) : std::nullopt);
  if (link != nullptr) {
    ++link->calls;
    network_.send(link->id, std::move(frame));  // if it just broke, on_link_down fails the call
  } else {
    peer.waiting_bytes += frame.size();
    peer.waiting.push_back({id, std::move(frame)});
    if (peer.connecting == 0) connect(peer);
  }
  arm_deadline();
}

void PeerHub::send_one_way(const NodeId& to, MessageType type, std::string body) {
  Peer* const peer = find_peer(to);
  if (stopped_ || peer == nullptr || peer->breaker.is_open() || !check_room(*peer, body.size()).ok()) return;
  std::string frame = encode_frame(FrameKind::one_way, type, 0, body);
  if (const Link* link = best_link(*peer)) {
    network_.send(link->id, std::move(frame));
  } else if (peer->address || peer->connecting != 0) {
    peer->waiting_bytes += frame.size();
    peer->waiting.push_back({0, std::move(frame)});
    if (peer->connecting == 0) connect(*peer);
  }
}

void PeerHub::end_call(const Call& call) {
  if (Peer* peer = find_peer(call.to)) --peer->calls;
  if (Link* link = find_link(call.link)) --link->calls;
}

void PeerHub::fail_call(Call call, const Status& why) {
  end_call(call);
  if (Peer* peer = find_peer(call.to); peer != nullptr && !call.is_ping) ++peer->calls_failed;
  fail_later(std::move(call.done), why);
}

void PeerHub::fail_later(Done done, Status why) {
  if (stopped_) {
    loop_.post([done = std::move(done), why = std::move(why)] { done(why); });
    return;
  }
  failures_.emplace_back(std::move(done), std::move(why));
  if (failures_.size() > 1) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) answer_failures();
  });
}

void PeerHub::answer_failures() {
  for (auto& [done, why] : std::exchange(failures_, {})) done(why);
}

void PeerHub::arm_deadline() {
  const auto due = calls_.next_due();
  if (!due || stopped_) return;
  if (deadline_timer_ != 0) {
    if (deadline_armed_ns_ <= *due) return;
    loop_.cancel(deadline_timer_);
  }
  deadline_armed_ns_ = *due;
  const int64_t left_ns = std::max<int64_t>(0, *due - now_ns());
  deadline_timer_ = loop_.after((left_ns + 999'999) / 1'000'000, [this] { on_deadline(); });
}

void PeerHub::on_deadline() {
  deadline_timer_ = 0;
  // The silence may have been this process's own: what came meanwhile has not been read yet.
  const bool slept = now_ns() - deadline_armed_ns_ >= kSleptNs;
  while (auto due = calls_.take(now_ns())) {
    Call& call = due->item;
    if (due->due < call.answer_by_ns && waits_on(*due, slept)) continue;
    Peer* const peer = find_peer(call.to);
    if (peer != nullptr && call.link == 0) {
      const auto waits = [&](const Waiting& waiting) { return waiting.call == due->id; };
      const auto found = std::find_if(peer->waiting.begin(), peer->waiting.end(), waits);
      if (found != peer->waiting.end()) {
        peer->waiting_bytes -= found->frame.size();
        peer->waiting.erase(found);
      }
    }
    const bool silence = !slept && peer != nullptr && call.link != 0 && peer->heard < call.step;
    const NodeId to = call.to;
    fail_call(std::move(call), Status::unavailable(to + " did not answer in time"));
    if (silence && open_breaker(*peer, "a call was not answered in time")) probe(*peer);
  }
  arm_deadline();
}

bool PeerHub::waits_on(TimerQueue<Call>::Due& due, bool slept) {
  Call& call = due.item;
  Peer* const peer = find_peer(call.to);
  Link* const link = find_link(call.link);  // null: it waits for one
  if (peer == nullptr) return false;
  const bool silent = peer->heard < call.step;
  int64_t next_ns = call.answer_by_ns;
  if (!std::exchange(call.is_halfway, true)) {
    // However late this comes, the ping has its time.
    const int64_t half_ns = (call.decide_by_ns - call.sent_ns) / 2;
    next_ns = std::min(call.answer_by_ns, std::max(call.decide_by_ns, now_ns() + half_ns));
    if (link != nullptr && silent && !peer->breaker.is_open()) {
      ping(*peer, *link, (next_ns - now_ns()) / 1'000'000 + 1);
    }
  } else if (!slept && (link == nullptr || silent || peer->breaker.is_open())) {
    return false;
  }
  calls_.put_back(next_ns, due.id, std::move(call));
  return true;
}

bool PeerHub::available(const NodeId& node) const {
  const Peer* const peer = find_peer(node);
  return peer != nullptr && !peer->breaker.is_open() && (peer->address || !peer->links.empty());
}

double PeerHub::latency_ms(const NodeId& node) const {
  const Peer* const peer = find_peer(node);
  return peer != nullptr ? peer->latency_ms : 0.0;
}

uint16_t PeerHub::version_of(const NodeId& node) const {
  const Peer* const peer = find_peer(node);
  const Link* const link = peer != nullptr ? best_link(*peer) : nullptr;
  return link != nullptr ? link->version : kProtocolVersionMin;
}

std::vector<PeerFigures> PeerHub::figures() const {
  std::vector<PeerFigures> all;
  all.reserve(peers_.size());
  for (const auto& [id, peer] : peers_) {
    PeerFigures& figures = all.emplace_back();
    figures.node = id;
    figures.connected = !peer.links.empty();
    figures.breaker_open = peer.breaker.is_open();
    figures.waiting_bytes = waiting_bytes(peer);
    figures.calls_in_flight = peer.calls;
    figures.calls_total = peer.calls_total;
    figures.calls_failed = peer.calls_failed;
    figures.calls_refused = peer.calls_refused;
    figures.latency_ms = peer.latency_ms;
    figures.last_error = peer.last_error;
  }
  return all;
}

void PeerHub::stop() {
  if (stopped_) return;
  for (Call& call : calls_.take_all([](const Call&) { return true; }))
    failures_.emplace_back(std::move(call.done), Status::unavailable("this node is stopping"));
  stopped_ = true;
  if (deadline_timer_ != 0) loop_.cancel(deadline_timer_);
  for (auto& [id, peer] : peers_) {
    if (peer.look_timer != 0) loop_.cancel(peer.look_timer);
  }
  for (auto& [id, link] : links_) {
    if (link.greeting_timer != 0) loop_.cancel(link.greeting_timer);
    network_.close(id);
  }
  links_.clear();
  peers_.clear();
  answer_failures();
}

}  // namespace ferro::node::cluster
