// Links over TCP, with mutual TLS if it is configured: the one listener between nodes. A frame is its length
// (u32, little-endian) and its bytes: docs/formats/peer_protocol.md.
//
// Nothing of a connection is read before its handshake has shown a certificate that is trusted; plain ones
// are for networks that are. Owned by app; on the loop except where it says otherwise; stop() before the
// loop's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/cluster/runtime/network.h"
#include "node/cluster/tcp/asio_loop.h"
#include "node/security/peer_tls.h"

namespace ferro::node::cluster {

struct TcpOptions {
  Endpoint bind;  // an address or a name of this machine; port 0 = any free one
  // Null = plain. Whoever owns it polls it; changes are noticed within kTrustLookMs.
  const security::PeerTls* tls = nullptr;
  int64_t connect_timeout_ms = 3000;    // all addresses and the handshake together
  int64_t handshake_timeout_ms = 5000;  // of an accepted connection
  size_t accepted_max = 1024;           // links at once, strangers included
  int64_t silence_timeout_ms = 10'000;  // unacknowledged bytes or keepalives
};

// Since the start; any thread.
struct TcpFigures {
  std::atomic<uint64_t> links{0};                 // up now
  std::atomic<uint64_t> accepted{0}, refused{0};  // refused: accepted_max was reached
  std::atomic<uint64_t> handshakes_failed{0};     // strangers, expired certificates, garbage, time
  std::atomic<uint64_t> untrusted_closed{0};      // when the trusted authorities changed
  std::atomic<uint64_t> frames_sent{0}, frames_received{0}, bytes_sent{0}, bytes_received{0};
};

struct LinkFacts {
  LinkId link = 0;
  bool outgoing = false;
  std::string remote;            // address:port
  std::string peer_fingerprint;  // of its certificate; empty without TLS
  int64_t peer_not_after_unix = 0;
  size_t waiting_bytes = 0;
};

class TcpNetwork : public Network {
 public:
  static constexpr int64_t kTrustLookMs = 250;

  // Opens the port (failed_precondition if another process has it) and accepts from set_handler() on. Any
  // thread. `loop` outlives the network.
  static Result<std::unique_ptr<TcpNetwork>> open(TcpOptions options, AsioLoop& loop);

  virtual uint16_t port() const = 0;  // any thread
  // Any thread: closes the listener and every link; the handler is called no more. Idempotent.
  virtual void stop() = 0;
  virtual const TcpFigures& figures() const = 0;  // any thread
  virtual std::vector<LinkFacts> links() const = 0;
};

}  // namespace ferro::node::cluster
