// What the operator asks of nodes: what they report, figures for the autoscaler, drain and compact.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "operator/plan/world.h"

namespace ferro::oper::nodeclient {

class TlsAccess;

struct NodeAddress {
  std::string member;  // the pod's name, which is the node's id: an answer of another node is an error
  std::string ip;
  std::string host;  // what the node's certificate must be made out to
  uint16_t port = 0;
};

// How the nodes of one cluster are reached.
struct NodeAccess {
  std::shared_ptr<const TlsAccess> tls;  // null = plain HTTP
  Secret token;                          // empty = none is sent
};

// Of GET /metrics, what autoscaling looks at.
struct NodeFigures {
  int64_t memory_bytes = 0;
  int64_t memory_max_bytes = 0;
  // Queries since the node's start by the upper bound of their time in seconds, cumulative; the last bound is
  // infinity.
  std::map<double, uint64_t> queries_by_seconds;
};

// Thread-safe; owned by main, outlives every user. Every call blocks its thread for a bounded time.
class NodeClient {
 public:
  virtual ~NodeClient() = default;

  // In the order of `nodes`, all asked at the same time. The error says for people why a node is not seen.
  virtual std::vector<Result<plan::NodeReport>> reports(const NodeAccess& access,
                                                        const std::vector<NodeAddress>& nodes) = 0;
  virtual std::vector<Result<NodeFigures>> figures(const NodeAccess& access,
                                                   const std::vector<NodeAddress>& nodes) = 0;

  // Ok when the drain has begun or is over; asking again is harmless.
  virtual Status start_drain(const NodeAccess& access, const NodeAddress& node) = 0;
  virtual Status cancel_drain(const NodeAccess& access, const NodeAddress& node) = 0;
  // Ok when the snapshot is written, or is still being written when the time is over: a node does not stop
  // for an asker that went away, and its report shows the new snapshot.
  virtual Status compact(const NodeAccess& access, const NodeAddress& node) = 0;

  // Ends every call under way and refuses further ones (unavailable), for a stop within bounded time.
  virtual void interrupt() = 0;
};

}  // namespace ferro::oper::nodeclient
