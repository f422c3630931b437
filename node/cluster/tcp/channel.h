// The bytes of a link over a socket that never blocks: as they are, or under TLS. Owned by its link, on the
// loop, like the socket, which it does not close.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "node/security/peer_certificate.h"
#include "node/security/peer_tls.h"

namespace ferro::node::cluster {

// What must happen before more can: nothing (it went as far as it could), the socket becomes readable or
// writable, never mind (the other side has closed; it broke, see `error`).
enum class Need : unsigned char { nothing, readable, writable, ended, failed };

struct Moved {
  size_t bytes = 0;
  Need need = Need::nothing;  // only without bytes
};

class Channel {
 public:
  virtual ~Channel() = default;
  // Until it needs nothing.
  virtual Need shake_hands() = 0;
  virtual Moved read(std::span<char> into) = 0;
  // Some of `parts`, in order. After a need for the socket the next call offers the same bytes, perhaps with
  // more behind them.
  virtual Moved write(std::span<const std::string_view> parts) = 0;
  // Tells the other side that this is the end, if that can be done at once.
  virtual void say_goodbye() = 0;
  virtual std::string error() const = 0;
  // It failed because of what one side makes of the other, not on the way.
  virtual bool is_refusal() const noexcept { return false; }
  // What the other side has shown of itself; null without TLS.
  virtual std::shared_ptr<const security::PeerCertificate> peer() const = 0;
};

std::unique_ptr<Channel> make_plain_channel(int socket);
// Null if OpenSSL has no memory.
std::unique_ptr<Channel> make_tls_channel(int socket, std::shared_ptr<const security::PeerTls::InForce> tls,
                                          bool is_server);

}  // namespace ferro::node::cluster
