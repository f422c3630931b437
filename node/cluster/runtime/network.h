// Links that carry whole frames between nodes, as a seam: TCP or TLS in production (node/cluster/tcp), lossy
// and slow on purpose in the simulator.
//
// A link is ordered and reliable until it breaks; what was in flight then is lost. On the loop alone, the
// handler is called there too. Nothing here knows what a frame means.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ferro::node::cluster {

using LinkId = uint64_t;  // never 0, never used twice

struct Endpoint {
  std::string host;  // an address or a name
  uint16_t port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};
// `host:port`, `[v6]:port`.
std::string to_string(const Endpoint& endpoint);
Result<Endpoint> parse_endpoint(std::string_view text);

// Beyond this nobody reads on: the largest legal entry (64 MiB response) and its vector fit.
inline constexpr size_t kFrameBytesMax = size_t{80} << 20;
// Of the first frame on a link, a greeting: a stranger makes nobody buffer more.
inline constexpr size_t kFirstFrameBytesMax = 64U << 10;

class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  // Connected and, with TLS, mutually authenticated. `outgoing`: made by connect(), else accepted.
  virtual void on_link_up(LinkId link, bool outgoing) = 0;
  virtual void on_frame(LinkId link, std::string_view frame) = 0;
  // Broken, refused or closed by the other side; not called for a link that was close()d here.
  // permission_denied: one of the two sides does not trust the other's certificate, or the other does not
  // speak TLS.
  virtual void on_link_down(LinkId link, const Status& why) = 0;
  // Made under certificates that have been replaced: it goes on, but a new one should take its place soon.
  virtual void on_link_outdated(LinkId /*link*/) {}
  // Somebody connected who was not let in, and of whom nothing was read: a stranger, or a certificate that is
  // not trusted by one of the two. `from`: the host.
  virtual void on_stranger_refused(const std::string& /*from*/, const Status& /*why*/) {}
};

class Network {
 public:
  virtual ~Network() = default;
  // Before anything else; `handler` outlives the network's stop().
  virtual void set_handler(LinkHandler& handler) = 0;
  // on_link_up or on_link_down follows, never before this has returned; bounded by a connect timeout of its
  // own.
  virtual LinkId connect(const Endpoint& to) = 0;
  // Queues a frame; false if the link is not up. The caller bounds what waits by waiting_bytes().
  virtual bool send(LinkId link, std::string frame) = 0;
  virtual size_t waiting_bytes(LinkId link) const = 0;  // handed over and not yet with the system
  virtual void close(LinkId link) = 0;
  // Where the other end is, without its port; empty if that is not known.
  virtual std::string remote_host(LinkId /*link*/) const { return {}; }
  // Every address behind a name, now (never cached for longer than a moment); `done` on the loop.
  virtual void resolve(const Endpoint& name, std::function<void(Result<std::vector<Endpoint>>)> done) = 0;
};

}  // namespace ferro::node::cluster
