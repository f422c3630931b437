// Messages as bytes: docs/formats/peer_protocol.md. Tagged fields, so that either side may be the older one.
//
// Decoding never trusts: every length is checked against what is left and against the limits, what it
// allocates is bounded by the input, unknown tags are skipped, errors are invalid_argument with the reason.
// Values must satisfy the same rules as from a client (unit vectors, key lengths, UTF-8). Thread-safe (no
// state).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "node/cluster/wire/messages.h"

namespace ferro::node::cluster {

// One frame: checksum, kind, type, call number, then the body (of a failure: the status). The type is not
// judged: a request of a type that is not known is answered with a failure, and the link lives on.
enum class FrameKind : uint8_t { request = 1, response = 2, failure = 3, one_way = 4 };
// Of a request, between nodes that both speak kTimedRequestsSince: when its sender sent it, on a steady clock
// of its own, and for how long it waits. A kind of its own in the frame.
struct RequestTiming {
  uint64_t sent_ms = 0, wait_ms = 0;
  friend bool operator==(const RequestTiming&, const RequestTiming&) = default;
};
inline constexpr uint16_t kTimedRequestsSince = 2;
// Nodes from here on know namespaces that are split. Fields that say which slots or which table of splits is
// meant are written to all: the ring of a cluster in which some do not know of them has no splits.
inline constexpr uint16_t kSplitsSince = 3;
// They also ask again when an owner has deleted as many entries as one answer holds; older ones take that for
// all of them.
inline constexpr uint16_t kInvalidatePartsSince = 3;
inline constexpr uint64_t kWireTimeMaxMs = uint64_t{1} << 61;  // sums and differences of such times fit

struct Frame {
  FrameKind kind = FrameKind::request;
  MessageType type = MessageType::ping;
  uint64_t call = 0;                    // 0 for one_way
  std::optional<RequestTiming> timing;  // of some requests
  std::string_view body;                // into the frame's bytes
};
// `call` is 0 exactly if `kind` is one_way; only requests have a timing.
std::string encode_frame(FrameKind kind, MessageType type, uint64_t call, std::string_view body,
                         const std::optional<RequestTiming>& timing = std::nullopt);
Result<Frame> decode_frame(std::string_view bytes);

std::string encode_status(const Status& status);
// What the peer said was wrong: never ok. internal if that cannot be read.
Status decode_status(std::string_view body);

// `encode(message)` and `decode<Message>(bytes)` for each struct of messages.h and gossip.h.
// `version`: that of the link; fields that it does not know are left out.
template <typename Message>
std::string encode(const Message& message, uint16_t version = kProtocolVersion);
template <typename Message>
Result<Message> decode(std::string_view body);

}  // namespace ferro::node::cluster
