#include "node/cluster/peers/greeting.h"

#include <algorithm>

#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

std::string make_greeting(const PeersOptions& options, int64_t now_ms) {
  Hello hello;
  hello.version = options.protocol_version;
  hello.cluster_id = options.cluster_id;
  hello.node = options.self;
  hello.generation = options.generation;
  hello.software = options.software;
  hello.clock_ms = static_cast<uint64_t>(now_ms);
  return encode_frame(FrameKind::one_way, MessageType::hello, 0, encode(hello));
}

Result<Hello> read_greeting(std::string_view frame) {
  FERRO_ASSIGN_OR_RETURN(const Frame decoded, decode_frame(frame));
  if (decoded.kind != FrameKind::one_way || decoded.type != MessageType::hello)
    return Status::invalid("the first frame is no greeting");
  return decode<Hello>(decoded.body);
}

bool is_own_greeting(const PeersOptions& options, const Hello& hello) noexcept {
  return hello.cluster_id == options.cluster_id && hello.node == options.self &&
         hello.generation == options.generation;
}

bool is_taken_by(const PeersOptions& options, const Hello& hello) noexcept {
  return hello.cluster_id == options.cluster_id && hello.node == options.self &&
         hello.generation > options.generation;
}

std::string one_id_each(const NodeId& node) {
  return "two processes have the node id '" + node +
         "': give each a node_id (and a data folder) of its own, or stop one of them";
}

Result<uint16_t> check_greeting(const PeersOptions& options, const Hello& hello) {
  if (hello.cluster_id != options.cluster_id)
    return Status::invalid("it belongs to cluster '" + hello.cluster_id + "', this node to '" +
                           options.cluster_id + "': cluster.id must be the same everywhere");
  if (hello.node == options.self)
    return Status::invalid("it has this node's own id, and was started " +
                           std::string(hello.generation > options.generation ? "later" : "earlier") + ": " +
                           one_id_each(options.self));
  const uint16_t version = std::min(options.protocol_version, hello.version);
  if (version < kProtocolVersionMin || version < hello.version_min)
    return Status::invalid("it speaks protocol versions " + std::to_string(hello.version_min) + " to " +
                           std::to_string(hello.version) + ", this node " +
                           std::to_string(kProtocolVersionMin) + " to " +
                           std::to_string(options.protocol_version));
  return version;
}

bool Refusals::add(std::string who, std::string why) {
  ++total_;
  std::pair entry(std::move(who), std::move(why));
  const auto same = std::find(kept_.begin(), kept_.end(), entry);
  const bool is_new = same == kept_.end();
  if (!is_new) kept_.erase(same);
  kept_.push_back(std::move(entry));
  if (kept_.size() > kKept) kept_.pop_front();
  return is_new;
}

}  // namespace ferro::node::cluster
