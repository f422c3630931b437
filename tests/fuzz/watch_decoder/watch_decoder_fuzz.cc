// A watch's bytes from a stranger: cut into lines and decoded, and read as the body of an error. The first
// byte chooses the size of the pieces and of the longest line.
//
// Held: no crash; the same lines whatever the pieces; no line beyond its bound; an event has what callers
// take from it without asking, and can be printed and read again.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/assert.h"
#include "operator/k8s/error_reader.h"
#include "operator/k8s/json_text.h"
#include "operator/k8s/line_splitter.h"
#include "operator/k8s/resources.h"
#include "operator/k8s/watch_decoder.h"

namespace {

using namespace ferro::oper::k8s;

std::vector<std::string> split(std::string_view bytes, size_t piece, size_t line_max) {
  LineSplitter splitter(line_max);
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line) {
    FERRO_ASSERT(line.size() <= line_max, "a line keeps to its bound");
    FERRO_ASSERT(line.find('\n') == std::string_view::npos, "a line is one line");
    lines.emplace_back(line);
    return true;
  };
  while (!bytes.empty()) {
    splitter.feed(bytes.substr(0, piece), take);
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  splitter.finish(take);
  return lines;
}

void check(const std::string& line, const Resource& resource) {
  const DecodedLine decoded = decode_watch_line(line, resource);
  if (const auto* error = std::get_if<ApiError>(&decoded)) {
    FERRO_ASSERT(error->http_status >= 400 && error->http_status <= 599, "an error is one");
    FERRO_ASSERT(error->message.size() <= 2048 + 4, "a message is bounded");
    FERRO_ASSERT(!error->to_status().ok(), "an error is no success");
  }
  const auto* event = std::get_if<WatchEvent>(&decoded);
  if (event == nullptr) return;
  FERRO_ASSERT(!string_at(event->object, {"metadata", "resourceVersion"}).empty(),
               "an event moves the version");
  if (event->type != WatchEvent::Type::bookmark) {
    FERRO_ASSERT(!string_at(event->object, {"metadata", "name"}).empty(), "an object has a name");
    FERRO_ASSERT(!string_at(event->object, {"kind"}).empty(), "an object has a kind");
  }
  const Json copy = event->object;
  FERRO_ASSERT(parse_json(to_text(copy)) == copy, "what was read can be written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] % 16 + size_t{1}, line_max = 64 + size_t{data[0]} * 16;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::vector<std::string> lines = split(input, piece, line_max);
  FERRO_ASSERT(lines == split(input, input.size() + 1, line_max), "the same lines whatever the pieces");
  for (const std::string& line : lines) {
    check(line, kPods);
    check(line, kNamespaces);
  }
  for (const int status : {200, 403, 410, 429, 500}) {
    for (const bool secret : {false, true}) {
      const ApiError error = error_of_response({status, std::string(input), -1}, secret);
      FERRO_ASSERT(error.retry_after_ms <= 3'600'000, "nobody waits for ever");
    }
  }
  return 0;
}
