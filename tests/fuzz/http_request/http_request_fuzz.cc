// Bytes from a stranger through the request reader, in one piece and in small ones. The first byte chooses
// the size of the pieces.
//
// Held: no crash; the same requests whatever the pieces (a request that means one thing to a proxy and
// another to us is how requests are smuggled); no body or header block above its limit; every view of a
// request is of what was sent.
#include <cstdint>
#include <string_view>

#include "common/base/assert.h"
#include "tests/unit/node/http/reader_harness.h"

namespace {

using namespace ferro::node::http;

constexpr ReaderLimits kLimits{.header_bytes_max = 4096, .body_bytes_max = 2048};

void check(const Outcome& outcome, std::string_view input) {
  if (outcome.refused != 0) {
    FERRO_ASSERT(outcome.refused >= 400 && outcome.refused < 600, "a refusal is an error status");
    return;
  }
  FERRO_ASSERT(outcome.body.size() <= kLimits.body_bytes_max, "a body keeps to its limit");
  FERRO_ASSERT(outcome.path.starts_with("/") || outcome.path == "*", "a path is one");
  for (const std::string& part : {outcome.path, outcome.query, outcome.authorization, outcome.request_id}) {
    FERRO_ASSERT(part.size() <= kLimits.header_bytes_max, "a header block keeps to its limit");
    FERRO_ASSERT(input.find(part) != std::string_view::npos, "a part of the head stands in the input");
  }
}

// Which limit or rule a bad request breaks first depends on how much of it has come; that it is refused does
// not.
bool same(const Outcome& a, const Outcome& b) {
  return a.refused != 0 ? b.refused != 0 : a == b;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] % 64 + size_t{1};
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = ReaderHarness(kLimits).read(input, input.size() + 1);
  const auto pieces = ReaderHarness(kLimits).read(input, piece);
  FERRO_ASSERT(whole.size() == pieces.size(), "as many requests whatever the pieces");
  for (size_t i = 0; i < whole.size(); ++i) {
    check(whole[i], input);
    FERRO_ASSERT(same(whole[i], pieces[i]), "the same requests whatever the pieces");
  }
  return 0;
}
