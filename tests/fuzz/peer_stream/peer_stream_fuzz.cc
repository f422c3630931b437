// The bytes of a link between nodes up to whole frames, in one piece and in small ones. The first byte
// chooses the size of the pieces.
//
// Held: no crash; the same frames whatever the pieces; together with their lengths they are the beginning of
// the input; memory stays near what was fed.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "node/cluster/runtime/network.h"
#include "node/cluster/tcp/frame_buffer.h"

namespace {

using namespace ferro::node::cluster;

struct Outcome {
  std::vector<std::string> frames;
  bool refused = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::string_view input, size_t piece) {
  FrameBuffer buffer;
  Outcome outcome;
  const size_t total = input.size();
  while (!input.empty()) {
    const auto space = buffer.space();
    FERRO_ASSERT(!space.empty(), "there is room for more");
    FERRO_ASSERT(buffer.capacity() <= (size_t{512} << 10) + 4 * total, "claims take no memory");
    const size_t taken = std::min({space.size(), input.size(), piece});
    std::memcpy(space.data(), input.data(), taken);
    buffer.filled(taken);
    input.remove_prefix(taken);
    while (true) {
      const auto frame = buffer.next();
      if (!frame.ok()) {
        outcome.refused = true;
        return outcome;
      }
      if (!frame->has_value()) break;
      outcome.frames.emplace_back(**frame);
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] % 64 + size_t{1};
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read(input, input.size() + 1);
  FERRO_ASSERT(whole == read(input, piece), "the same frames whatever the pieces");
  std::string again;
  for (const std::string& frame : whole.frames) {
    ferro::ByteWriter(again).u32(static_cast<uint32_t>(frame.size()));
    again += frame;
  }
  FERRO_ASSERT(input.starts_with(again), "the frames are what was sent");
  return 0;
}
