// What cuts the stream into frames and what puts frames into it.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "common/base/bytes.h"
#include "node/cluster/runtime/network.h"
#include "node/cluster/tcp/frame_buffer.h"
#include "node/cluster/tcp/send_queue.h"
#include "tests/fakes/seed.h"

namespace ferro::node::cluster {
namespace {

using testing::HasSubstr;

std::string with_length(const std::string& frame) {
  std::string bytes;
  ByteWriter(bytes).u32(static_cast<uint32_t>(frame.size()));
  return bytes + frame;
}

void feed(FrameBuffer& buffer, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto space = buffer.space();
    const size_t taken = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), taken);
    buffer.filled(taken);
    bytes.remove_prefix(taken);
  }
}

TEST(FrameBuffer, ALengthBeyondTheLimitIsRefusedFromItsHeaderAlone) {
  FrameBuffer buffer;
  feed(buffer, with_length(std::string(kFirstFrameBytesMax + 1, 'x')).substr(0, 4));
  EXPECT_THAT(buffer.next().status().message(), HasSubstr("a first frame of 65537 bytes"));

  FrameBuffer later;
  feed(later, with_length(""));
  ASSERT_EQ(**later.next(), "");
  std::string header;
  ByteWriter(header).u32(static_cast<uint32_t>(kFrameBytesMax + 1));
  feed(later, header);
  EXPECT_EQ(later.next().status().code(), StatusCode::invalid_argument);
}

TEST(FrameBuffer, AClaimedLengthTakesNoMemoryBeforeItsBytesCome) {
  FrameBuffer buffer;
  feed(buffer, with_length(""));
  ASSERT_TRUE(buffer.next()->has_value());
  std::string header;
  ByteWriter(header).u32(static_cast<uint32_t>(kFrameBytesMax));
  feed(buffer, header);
  ASSERT_FALSE(buffer.next()->has_value());
  buffer.space();
  EXPECT_LE(buffer.capacity(), 256U << 10);
  feed(buffer, std::string(1 << 20, 'x'));
  EXPECT_LE(buffer.capacity(), 4U << 20);
}

TEST(FrameBuffer, AHugeFramesMemoryIsGivenBack) {
  FrameBuffer buffer;
  feed(buffer, with_length("hello"));
  ASSERT_EQ(**buffer.next(), "hello");
  const std::string huge(20'000'000, 'x');
  std::string_view bytes = huge;
  std::string header;
  ByteWriter(header).u32(static_cast<uint32_t>(huge.size()));
  feed(buffer, header);
  while (!bytes.empty()) {
    ASSERT_FALSE(buffer.next()->has_value());
    feed(buffer, bytes.substr(0, 1'000'000));
    bytes.remove_prefix(1'000'000);
  }
  ASSERT_EQ(**buffer.next(), huge);
  buffer.space();
  EXPECT_LE(buffer.capacity(), 256U << 10);
}

// Random frames through the queue, in random pieces through the buffer: the same frames.
TEST(FrameBufferAndSendQueue, FramesSurviveAnyCutting) {
  const auto seed = static_cast<unsigned>(fakes::test_seed());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  SendQueue queue;
  FrameBuffer buffer;
  std::deque<std::string> expected;
  for (int step = 0; step < 3000; ++step) {
    for (auto i = random() % 40; i > 0; --i) {
      const size_t size_max = step == 0 ? 100 : (random() % 50 == 0 ? 300'000 : 200);
      expected.emplace_back(random() % size_max, static_cast<char>('a' + random() % 26));
      queue.push(expected.back());
    }
    std::string bytes;
    for (const std::string_view part : queue.parts()) bytes += part;
    bytes.resize(std::min<size_t>(bytes.size(), random() % 100'000));
    queue.written(bytes.size());
    feed(buffer, bytes.substr(0, bytes.size() / 2));
    feed(buffer, bytes.substr(bytes.size() / 2));
    while (true) {
      const auto frame = buffer.next();
      ASSERT_TRUE(frame.ok());
      if (!frame->has_value()) break;
      ASSERT_FALSE(expected.empty());
      ASSERT_EQ(**frame, expected.front());
      expected.pop_front();
    }
    if (queue.empty()) {
      ASSERT_TRUE(expected.empty());
      ASSERT_EQ(queue.bytes(), 0U);
    }
  }
}

}  // namespace
}  // namespace ferro::node::cluster
