// Calls between nodes: one link to each peer, many calls in flight on it, each with a deadline; a breaker
// that knows within milliseconds that a peer does not answer, long before gossip does.
//
// Owned by the cluster node, on its loop. What waits for a peer is bounded in bytes; beyond it a call fails
// at once and nobody else is slowed down. Links are made on demand and kept; both sides' links are used.
//
// The breaker of a peer opens when it cannot be reached, when its last link breaks with calls under way and
// when a call's deadline passes without any answer of the peer since the call was sent. While it is open,
// calls fail at once, those under way may still be answered (but see CallWait), and the peer is pinged, over
// a new link if need be, every probe_interval_ms give or take an eighth (after eight of them less and less
// often, down to every eighth). Any answer closes it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "node/cluster/runtime/loop.h"
#include "node/cluster/runtime/network.h"
#include "node/cluster/wire/messages.h"

namespace ferro::node::cluster {

struct PeersOptions {
  NodeId self;
  std::string cluster_id;
  uint64_t generation = 1;
  std::string software;
  uint16_t protocol_version = kProtocolVersion;  // tests speak the previous one
  int64_t connect_timeout_ms = 500;
  // While a breaker is open the peer is asked this often whether it is back.
  int64_t probe_interval_ms = 250;
  size_t waiting_bytes_max = 64U << 20;  // towards one peer
  size_t calls_max = 16'384;             // in flight to one peer
};

// For how long somebody waits.
struct CallWait {
  int64_t answer_ms = 0;
  // By then the peer has begun with it or never will (PeerService: decide_by_ns); that the answer may take
  // longer is because the peer waits for others. So from then on nobody waits for a peer that has fallen
  // silent: halfway, if nothing was heard of it since the call, it is pinged; if still nothing is heard, the
  // breaker opens, and with it open the call fails. Not beyond answer_ms; the same: all of this does not
  // apply.
  int64_t decide_ms = 0;
  // However late it comes it does no harm: the call fails as soon as the breaker opens.
  bool is_harmless = false;
};

// Gives the answer to a request of a peer; call once, on the loop. Dropped unanswered: the caller times out.
using RespondFn = std::function<void(Result<std::string> body)>;

class PeerService {
 public:
  virtual ~PeerService() = default;
  // `body` is valid during the call. `version`: of the link's protocol. `decide_by_ns`: on this node's steady
  // clock; what changes something must be decided by then or not at all, because the asker will have given up
  // and perhaps asked another. 0: it does not say.
  virtual void on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                          int64_t decide_by_ns, RespondFn respond) = 0;
  virtual void on_one_way(const NodeId& from, MessageType type, std::string_view body) = 0;
  // A peer said Hello: its id is now known behind this address. Again when introduce() meets somebody who is
  // connected, and after on_peer_down when it was started again.
  virtual void on_peer_up(const NodeId& node) = 0;
  virtual void on_peer_down(const NodeId& node) = 0;  // its last link broke
};

struct PeerFigures {
  NodeId node;
  bool connected = false, breaker_open = false;
  uint64_t waiting_bytes = 0, calls_in_flight = 0;
  uint64_t calls_total = 0, calls_failed = 0, calls_refused = 0;  // refused: the bound was reached
  double latency_ms = 0.0;                                        // moving average of answers
  std::string last_error;
};

class Peers : public LinkHandler {
 public:
  static std::unique_ptr<Peers> create(PeersOptions options, Loop& loop, Network& network,
                                       PeerService& service);
  ~Peers() override = default;

  using Done = std::function<void(Result<std::string_view> body)>;
  // Where a node is reached; set again when its advertised address changes.
  virtual void set_address(const NodeId& node, const Endpoint& address) = 0;
  virtual void forget(const NodeId& node) = 0;
  // Connects to somebody of whom only the address is known (a seed); on_peer_up tells who it was.
  virtual void introduce(const Endpoint& address) = 0;

  // `done` exactly once, never before this returns, not later than the deadline and a millisecond: the
  // answer, the peer's failure, or unavailable (no link, deadline, breaker open, too much waiting).
  virtual void call(const NodeId& to, MessageType type, std::string body, CallWait wait, Done done) = 0;
  void call(const NodeId& to, MessageType type, std::string body, int64_t timeout_ms, Done done) {
    call(to, type, std::move(body), CallWait{timeout_ms, timeout_ms, false}, std::move(done));
  }
  virtual void send_one_way(const NodeId& to, MessageType type, std::string body) = 0;

  // May be asked right now: its breaker is closed. What routing goes by.
  virtual bool available(const NodeId& node) const = 0;
  // Moving average of its answers; 0 before the first.
  virtual double latency_ms(const NodeId& node) const = 0;
  // The link's protocol version; kProtocolVersionMin while there is none.
  virtual uint16_t version_of(const NodeId& node) const = 0;
  // Links refused because of a wrong cluster id, version or their own id: (address or node, reason), newest
  // last, bounded.
  virtual std::vector<std::pair<std::string, std::string>> refusals() const = 0;
  virtual uint64_t refusals_total() const = 0;
  // Another process has this node's id and was started later, as was heard not long ago, from whom, and what
  // to do; empty if nobody says so. Such a node is not let in by others.
  virtual std::string id_taken() const { return {}; }
  virtual std::vector<PeerFigures> figures() const = 0;
  virtual void stop() = 0;  // fails what is in flight, closes every link
};

}  // namespace ferro::node::cluster
