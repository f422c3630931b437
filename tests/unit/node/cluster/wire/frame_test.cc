#include <gtest/gtest.h>

#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {
namespace {

TEST(Frame, ComesBack) {
  for (const auto& [kind, call] : {std::pair(FrameKind::request, uint64_t{1}),
                                   {FrameKind::response, UINT64_MAX},
                                   {FrameKind::failure, uint64_t{300}},
                                   {FrameKind::one_way, uint64_t{0}}}) {
    for (const std::string& body : {std::string(), std::string("x"), std::string(100'000, '\0')}) {
      const std::string bytes = encode_frame(kind, MessageType::lookup, call, body);
      const Result<Frame> frame = decode_frame(bytes);
      ASSERT_TRUE(frame.ok()) << frame.status().to_string();
      EXPECT_EQ(frame->kind, kind);
      EXPECT_EQ(frame->type, MessageType::lookup);
      EXPECT_EQ(frame->call, call);
      EXPECT_EQ(frame->body, body);
    }
  }
}

TEST(Frame, ARequestMaySayHowLongItsSenderWaits) {
  const RequestTiming timing{1'700'000'000'000, 2000};
  const std::string bytes = encode_frame(FrameKind::request, MessageType::insert, 7, "body", timing);
  const Result<Frame> frame = decode_frame(bytes);
  ASSERT_TRUE(frame.ok()) << frame.status().to_string();
  EXPECT_EQ(frame->kind, FrameKind::request);
  EXPECT_EQ(frame->timing, timing);
  EXPECT_EQ(frame->call, 7U);
  EXPECT_EQ(frame->body, "body");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_frame(std::string_view(bytes).substr(0, size)).ok());
  EXPECT_FALSE(decode_frame(encode_frame(FrameKind::request, MessageType::insert, 1, "")).value().timing);
}

TEST(Frame, EveryFlippedBitAndEveryCutIsNoticed) {
  const std::string bytes = encode_frame(FrameKind::request, MessageType::insert, 77, "a body of some bytes");
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(static_cast<uint8_t>(damaged[bit / 8]) ^ (1U << (bit % 8)));
    EXPECT_EQ(decode_frame(damaged).status().code(), StatusCode::invalid_argument) << "bit " << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(decode_frame(std::string_view(bytes).substr(0, size)).status().code(),
              StatusCode::invalid_argument);
  }
}

TEST(Frame, CallNumbersBelongToKinds) {
  EXPECT_FALSE(decode_frame(encode_frame(FrameKind::request, MessageType::ping, 0, "")).ok());
  EXPECT_FALSE(decode_frame(encode_frame(FrameKind::one_way, MessageType::hello, 5, "")).ok());
  EXPECT_FALSE(decode_frame(encode_frame(static_cast<FrameKind>(0), MessageType::ping, 1, "")).ok());
  EXPECT_FALSE(decode_frame(encode_frame(static_cast<FrameKind>(6), MessageType::ping, 1, "")).ok());
}

TEST(Frame, ATypeOfALaterVersionIsForTheReceiverToRefuse) {
  const std::string bytes = encode_frame(FrameKind::request, static_cast<MessageType>(200), 1, "");
  const Result<Frame> frame = decode_frame(bytes);
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(static_cast<int>(frame->type), 200);
}

TEST(Failure, EveryCodeComesBackWithItsMessage) {
  for (auto code = static_cast<uint8_t>(StatusCode::invalid_argument);
       code <= static_cast<uint8_t>(StatusCode::unreachable); ++code) {
    const Status status(static_cast<StatusCode>(code), "the disk \u201csda\u201d is full");
    EXPECT_EQ(decode_status(encode_status(status)), status);
  }
}

TEST(Failure, NeverReadsAsSuccess) {
  // No code; code 0; a code of a later build; not UTF-8; cut short.
  for (const std::string_view body :
       {std::string_view(), std::string_view("\x0a\x02\x01\x00", 4), std::string_view("\x01\x02\x01\x63"),
        std::string_view("\x01\x01"), std::string_view("\x01\x06\x01\x01\x02\x02\x01\x01\xff")}) {
    EXPECT_EQ(decode_status(body).code(), StatusCode::internal);
  }
}

// A failure's message has the encoded form {1: {1: code, 2: text}}; these are the numbers of version 1.
TEST(Failure, CodesHaveTheirNumbersForEver) {
  const auto number_of = [](StatusCode code) { return encode_status(Status(code, "")).at(4); };
  EXPECT_EQ(number_of(StatusCode::invalid_argument), 1);
  EXPECT_EQ(number_of(StatusCode::not_found), 2);
  EXPECT_EQ(number_of(StatusCode::unauthenticated), 3);
  EXPECT_EQ(number_of(StatusCode::permission_denied), 4);
  EXPECT_EQ(number_of(StatusCode::too_large), 5);
  EXPECT_EQ(number_of(StatusCode::failed_precondition), 6);
  EXPECT_EQ(number_of(StatusCode::unavailable), 7);
  EXPECT_EQ(number_of(StatusCode::out_of_memory_budget), 8);
  EXPECT_EQ(number_of(StatusCode::no_space), 9);
  EXPECT_EQ(number_of(StatusCode::data_loss), 10);
  EXPECT_EQ(number_of(StatusCode::io_error), 11);
  EXPECT_EQ(number_of(StatusCode::internal), 12);
  EXPECT_EQ(number_of(StatusCode::unreachable), 13);
}

}  // namespace
}  // namespace ferro::node::cluster
