// Any bytes from a peer. The first byte says what the rest is taken for: a frame, a failure, or the body of
// one of the messages. Decoding refuses it with invalid_argument, or yields a message that encodes and
// decodes to itself in every version. Gossip goes on into a membership, whose own values no message may
// change.
#include <array>
#include <cstdint>
#include <string>
#include <type_traits>

#include "common/base/assert.h"
#include "common/time/clock.h"
#include "node/cluster/membership/membership.h"
#include "node/cluster/wire/codec.h"

using namespace ferro;
using namespace ferro::node::cluster;

namespace {

void check_membership(Membership& membership, const std::string& answer) {
  const Member* self = membership.find("node-a");
  FERRO_ASSERT(self != nullptr && self->value("state") == "ready", "nobody else changes this node's values");
  FERRO_ASSERT(self->liveness == Liveness::alive, "nobody talks this node to death");
  FERRO_ASSERT(membership.members().size() <= kGossipMembersMax, "members are bounded");
  FERRO_ASSERT(answer.size() <= kGossipBytesMax, "what it answers is bounded");
  FERRO_ASSERT(encode(membership.make_syn()).size() <= kGossipBytesMax, "what it asks is bounded");
}

template <typename Gossip>
void into_membership(const Gossip& gossip) {
  ManualClock clock;
  MembershipOptions options;
  options.self = "node-a";
  options.generation = 3;
  Membership membership(options, clock);
  membership.set("state", "ready");
  for (int round = 0; round < 2; ++round) {
    std::string answer;
    if constexpr (std::is_same_v<Gossip, GossipSyn>) {
      answer = encode(membership.on_syn("node-b", gossip));
    } else if constexpr (std::is_same_v<Gossip, GossipAck>) {
      answer = encode(membership.on_ack(gossip));
    } else {
      membership.on_ack2(gossip);
    }
    clock.advance_ms(500);
    membership.beat();
    membership.tick();
    check_membership(membership, answer);
  }
}

template <typename Message>
void one_message(std::string_view body) {
  const Result<Message> decoded = decode<Message>(body);
  if (!decoded.ok()) {
    FERRO_ASSERT(decoded.status().code() == StatusCode::invalid_argument, "bad bytes are invalid_argument");
    return;
  }
  for (uint16_t version = kProtocolVersionMin; version <= kProtocolVersion; ++version) {
    const std::string once = encode(*decoded, version);
    const Result<Message> again = decode<Message>(once);
    FERRO_ASSERT(again.ok(), "what was decoded can be encoded");
    FERRO_ASSERT(encode(*again, version) == once, "a message has one encoding");
  }
  if constexpr (std::is_same_v<Message, GossipSyn> || std::is_same_v<Message, GossipAck> ||
                std::is_same_v<Message, GossipAck2>) {
    into_membership(*decoded);
  }
}

void one_frame(std::string_view bytes) {
  const Result<Frame> frame = decode_frame(bytes);
  if (!frame.ok()) {
    FERRO_ASSERT(frame.status().code() == StatusCode::invalid_argument, "bad bytes are invalid_argument");
    return;
  }
  const std::string again = encode_frame(frame->kind, frame->type, frame->call, frame->body, frame->timing);
  FERRO_ASSERT(decode_frame(again).ok(), "what was decoded can be encoded");
}

void one_failure(std::string_view body) {
  const Status status = decode_status(body);
  FERRO_ASSERT(!status.ok(), "a failure never reads as success");
  FERRO_ASSERT(decode_status(encode_status(status)) == status, "a failure has one encoding");
}

// A checksum that a fuzzer cannot guess: frames come without it, too.
void one_frame_with_its_checksum(std::string_view rest) {
  if (rest.size() < 3) return;
  const auto kind = static_cast<FrameKind>(rest[0]);
  one_frame(
      encode_frame(kind, static_cast<MessageType>(rest[1]), static_cast<uint8_t>(rest[2]), rest.substr(3)));
}

using Take = void (*)(std::string_view);
// Append only: the corpus goes by these numbers.
constexpr std::array<Take, 32> kTakes = {
    one_frame,
    one_failure,
    one_frame_with_its_checksum,
    one_message<Hello>,
    one_message<GossipSyn>,
    one_message<GossipAck>,
    one_message<GossipAck2>,
    one_message<LookupMessage>,
    one_message<LookupReply>,
    one_message<InsertMessage>,
    one_message<InsertReply>,
    one_message<RemoveMessage>,
    one_message<DropNamespaceMessage>,
    one_message<CountReply>,
    one_message<InvalidateMessage>,
    one_message<IdsReply>,
    one_message<FindMessage>,
    one_message<FindReply>,
    one_message<ListNamespacesMessage>,
    one_message<ListNamespacesReply>,
    one_message<TopEntriesMessage>,
    one_message<TopEntriesReply>,
    one_message<CountEntriesMessage>,
    one_message<ApplyMessage>,
    one_message<ApplyReply>,
    one_message<DigestsMessage>,
    one_message<DigestsReply>,
    one_message<VersionsMessage>,
    one_message<VersionsReply>,
    one_message<FetchMessage>,
    one_message<FetchReply>,
    one_message<AccessesMessage>,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  kTakes[data[0] % kTakes.size()]({reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
