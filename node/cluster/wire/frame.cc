#include <algorithm>

#include "common/io/crc32c.h"
#include "node/cluster/wire/coding.h"
#include "node/cluster/wire/parts.h"

namespace ferro::node::cluster {

namespace {

constexpr size_t kChecksumBytes = sizeof(uint32_t);
// In the place of FrameKind::request: two more numbers follow the call's.
constexpr uint8_t kTimedRequest = 5;

Status bad(std::string_view what) {
  return Status::invalid("frame: " + std::string(what));
}

struct StatusBody {
  Status status;
};

template <typename A>
void describe(A& a, typename A::template Of<StatusBody> m) {
  a.status(1, m.status);
  a.require(!m.status.ok(), "a failure without a reason");
}

}  // namespace

std::string encode_frame(FrameKind kind, MessageType type, uint64_t call, std::string_view body,
                         const std::optional<RequestTiming>& timing) {
  std::string out;
  out.reserve(kChecksumBytes + 32 + body.size());
  ByteWriter writer(out);
  writer.u32(0);
  writer.u8(timing ? kTimedRequest : static_cast<uint8_t>(kind));
  writer.u8(static_cast<uint8_t>(type));
  writer.varint(call);
  if (timing) {
    writer.varint(timing->sent_ms);
    writer.varint(timing->wait_ms);
  }
  writer.raw(as_bytes(body));
  std::string checksum;
  ByteWriter(checksum).u32(io::crc32c(as_bytes(out).subspan(kChecksumBytes)));
  out.replace(0, kChecksumBytes, checksum);
  return out;
}

Result<Frame> decode_frame(std::string_view bytes) {
  ByteReader in(as_bytes(bytes));
  const uint32_t checksum = in.u32();
  const Bytes covered = as_bytes(bytes.substr(std::min(bytes.size(), kChecksumBytes)));
  uint8_t kind = in.u8();
  Frame frame;
  frame.type = static_cast<MessageType>(in.u8());
  frame.call = in.varint();
  if (kind == kTimedRequest) {
    kind = static_cast<uint8_t>(FrameKind::request);
    const uint64_t sent_ms = in.varint();
    frame.timing = {sent_ms, in.varint()};
  }
  if (in.failed()) return bad("it is cut short");
  if (frame.timing && std::max(frame.timing->sent_ms, frame.timing->wait_ms) > kWireTimeMaxMs)
    return bad("its times are out of range");
  if (checksum != io::crc32c(covered)) return bad("the checksum does not match");
  if (kind < static_cast<uint8_t>(FrameKind::request) || kind > static_cast<uint8_t>(FrameKind::one_way)) {
    return bad("its kind is not known");
  }
  frame.kind = static_cast<FrameKind>(kind);
  if ((frame.call == 0) != (frame.kind == FrameKind::one_way))
    return bad("the call number does not fit its kind");
  frame.body = as_text(in.raw(in.left()));
  return frame;
}

std::string encode_status(const Status& status) {
  return encode(StatusBody{status});
}

Status decode_status(std::string_view body) {
  Result<StatusBody> decoded = decode<StatusBody>(body);
  if (decoded.ok()) return std::move(decoded->status);
  return Status::internal("a peer failed and its reason cannot be read: " + decoded.status().message());
}

}  // namespace ferro::node::cluster
