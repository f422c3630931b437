// The one implementation of Peers, over four files: calls (peer_hub.cc), frames as they come
// (peer_hub_frames.cc), links from connecting to their end (peer_hub_links.cc), and what the breaker does
// (peer_hub_probes.cc). Private to peers.
//
// A call fails only through `failures_`, which is emptied in an event of its own, so that no caller's code
// runs in the middle of a change; answers and the service are called last in their events.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "node/cluster/peers/breaker.h"
#include "node/cluster/peers/greeting.h"
#include "node/cluster/peers/peers.h"
#include "node/cluster/peers/transit.h"
#include "node/cluster/runtime/timer_queue.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

class PeerHub final : public Peers {
 public:
  PeerHub(PeersOptions options, Loop& loop, Network& network, PeerService& service);
  ~PeerHub() override { stop(); }

  void set_address(const NodeId& node, const Endpoint& address) override;
  void forget(const NodeId& node) override;
  void introduce(const Endpoint& address) override;
  void call(const NodeId& to, MessageType type, std::string body, CallWait wait, Done done) override;
  void send_one_way(const NodeId& to, MessageType type, std::string body) override;
  bool available(const NodeId& node) const override;
  double latency_ms(const NodeId& node) const override;
  uint16_t version_of(const NodeId& node) const override;
  std::vector<std::pair<std::string, std::string>> refusals() const override { return refusals_.list(); }
  uint64_t refusals_total() const override { return refusals_.total(); }
  std::string id_taken() const override { return now_ns() < taken_until_ns_ ? taken_ : std::string(); }
  std::vector<PeerFigures> figures() const override;
  void stop() override;

  void on_link_up(LinkId link, bool outgoing) override;
  void on_frame(LinkId link, std::string_view bytes) override;
  void on_link_down(LinkId link, const Status& why) override;
  void on_link_outdated(LinkId link) override;
  void on_stranger_refused(const std::string& from, const Status& why) override;

 private:
  static constexpr size_t kPeersMax = 2000;          // twice the members that gossip allows
  static constexpr size_t kStrangersMax = 256;       // accepted links that have not said Hello yet
  static constexpr size_t kIntroductionsMax = 64;    // at once
  static constexpr size_t kLinksFromPeerMax = 4;     // accepted; one that comes back has lost the older ones
  static constexpr size_t kLinksToPeerMax = 3;       // silent or outdated ones and their successor
  static constexpr uint64_t kWaitMaxMs = 3'600'000;  // nobody waits longer
  static constexpr int64_t kWaitReserve = 8;         // the share of a wait in which nothing is begun any more
  static constexpr int64_t kGreetingTimeoutMs = 5000;  // of a link that was accepted
  static constexpr int64_t kStrangersSaidMs = 1000;    // at most one line of them in so long
  static constexpr int64_t kTakenMs = 30'000;          // so long a word of another process with its id counts
  static constexpr int64_t kTurnedAwayMs = 100;        // for the other side to read why
  static constexpr int64_t kDrainLookMs = 20, kDrainMs = 60'000;

  struct Link {
    LinkId id = 0;
    bool outgoing = false;
    Endpoint to;      // of an outgoing one
    NodeId expected;  // who should be there; empty: an introduction
    Loop::TimerId greeting_timer = 0;
    bool greeted = false;  // from here on `node` is known
    NodeId node;
    uint16_t version = 0;
    Transit transit;
    size_t calls = 0;          // ours, under way
    size_t serving = 0;        // theirs, under way
    bool pinged = false;       // a ping is under way
    bool silent = false;       // a ping stayed unanswered while the breaker was open
    bool outdated = false;     // to be replaced by a new one
    bool turned_away = false;  // told that it is not wanted; ends in a moment
    bool retired = false;      // this side has promised to ask nothing more on it
    bool peer_retired = false;
    int64_t drained_by_ns = 0;  // of a retired one: its end in any case
  };
  struct Waiting {
    uint64_t call = 0;  // 0: one way
    std::string frame;
  };
  struct Peer {
    NodeId id;
    std::optional<Endpoint> address;
    uint64_t generation = 0;
    std::vector<LinkId> links;  // greeted ones, oldest first
    LinkId connecting = 0;
    std::deque<Waiting> waiting;  // for the first link
    size_t waiting_bytes = 0;
    size_t calls = 0;    // ours, waiting or under way
    uint64_t heard = 0;  // when it last answered, counted in steps
    Breaker breaker;
    Loop::TimerId look_timer = 0;
    uint64_t calls_total = 0, calls_failed = 0, calls_refused = 0;
    double latency_ms = 0.0;
    std::string last_error;
  };
  struct Call {
    NodeId to;
    LinkId link = 0;  // 0: it waits for one
    uint64_t step = 0;
    int64_t sent_ns = 0;
    int64_t decide_by_ns = 0, answer_by_ns = 0;  // as CallWait
    bool is_halfway = false;                     // to decide_by_ns, or beyond
    bool is_harmless = false, is_ping = false;
    Done done;
  };

  // --- peer_hub.cc ---
  Peer* find_peer(const NodeId& node);
  const Peer* find_peer(const NodeId& node) const;
  Peer* find_or_add_peer(const NodeId& node);
  Link* find_link(LinkId link);
  const Link* best_link(const Peer& peer) const;
  size_t waiting_bytes(const Peer& peer) const;
  Status check_room(const Peer& peer, size_t body_bytes) const;
  void start_call(Peer& peer, Link* link, MessageType type, std::string_view body, CallWait wait,
                  bool is_ping, Done done);
  // The call is out of `calls_` already.
  void fail_call(Call call, const Status& why);
  void fail_later(Done done, Status why);
  void answer_failures();
  void end_call(const Call& call);  // its counts
  void arm_deadline();
  void on_deadline();
  // Before a call's last deadline: true if it is put back for another one, false if it fails now.
  bool waits_on(TimerQueue<Call>::Due& due, bool slept);
  int64_t now_ns() const { return loop_.clock().steady_ns(); }

  // --- peer_hub_frames.cc ---
  void on_greeting(Link& link, std::string_view bytes);
  std::string place_of(const Peer& peer, const Link& other) const;
  void turn_away(Link& link, const std::string& who, const Peer& peer);
  void on_turned_away(const Link& link, const Frame& frame);
  void note_taken(std::string why);
  void on_answer(Link& link, const Frame& frame);
  int64_t decide_by_ns(Link& link, const RequestTiming& timing, int64_t& late_ms);
  void on_request(Link& link, const Frame& frame);
  void on_one_way(Link& link, const Frame& frame);
  void respond(LinkId link, MessageType type, uint64_t call, const Result<std::string>& answer);

  // --- peer_hub_links.cc ---
  void connect(Peer& peer);
  LinkId connect_to(const Endpoint& to, const NodeId& expected);
  void admit(Link& link, const Hello& hello, uint16_t version);
  bool drop_lives_before(Peer& peer, uint64_t generation);
  void make_room(Peer& peer, bool outgoing);
  void flush_waiting(Peer& peer, Link& link);
  void refuse(LinkId link, const std::string& who, const std::string& why);
  void note_refusal(const std::string& who, const std::string& why);
  void end_greeting(LinkId link, const std::string& why);
  bool is_outlived(const Peer& peer, uint64_t generation) const;
  void connect_failed(const NodeId& node, LinkId link, const std::string& why);
  // Ends a link here: fails its calls. True if it was the peer's last.
  bool remove_link(LinkId link, const Status& why);
  void drop_link(LinkId link, const Status& why);
  void erase_if_unknown(const NodeId& node);
  void retire_outdated(Peer& peer, LinkId except);
  void retire(Link& link);
  void close_if_drained(LinkId link);

  // --- peer_hub_probes.cc ---
  // True if it was closed. The caller looks after the peer: by a probe now or later.
  bool open_breaker(Peer& peer, const std::string& why);
  void heard(Link& link);
  void probe(Peer& peer);
  void ping(Peer& peer, Link& link, std::optional<int64_t> timeout_ms = std::nullopt);
  void look_later(Peer& peer);
  void look(const NodeId& node);

  const PeersOptions options_;
  Loop& loop_;
  Network& network_;
  PeerService& service_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for those who answer late
  bool stopped_ = false;

  std::map<NodeId, Peer, std::less<>> peers_;
  std::unordered_map<LinkId, Link> links_;
  size_t strangers_ = 0;
  TimerQueue<Call> calls_;  // by their next deadline in nanoseconds
  uint64_t steps_ = 0;      // of asking and hearing, to tell which came first
  Loop::TimerId deadline_timer_ = 0;
  int64_t deadline_armed_ns_ = 0;
  std::vector<std::pair<Done, Status>> failures_;
  Refusals refusals_;
  std::string taken_;
  int64_t taken_until_ns_ = 0, strangers_said_ns_ = 0;
};

}  // namespace ferro::node::cluster
