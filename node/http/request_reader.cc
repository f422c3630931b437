#include "node/http/request_reader.h"

#include <algorithm>
#include <optional>

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "node/http/characters.h"
#include "node/http/chunk_decoder.h"
#include "node/http/head_parser.h"

namespace ferro::node::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr Refusal kNoMemory{503, "overloaded: too many large bodies are being received", true};
// No method that exists is longer: a first line without a space so far is no HTTP.
constexpr size_t kMethodBytesMax = 32;

// Whether `start` can be the begin of a request: a method, then a space if there is more.
bool begins_with_method(std::string_view start) noexcept {
  const std::string_view method = start.substr(0, std::min(start.find(' '), kMethodBytesMax));
  return !method.empty() && std::all_of(method.begin(), method.end(), is_token) &&
         (method.size() == start.size() || start[method.size()] == ' ');
}

std::optional<Refusal> check_request_line(std::string_view line) {
  constexpr std::string_view kVersion = " HTTP/1.1";
  if (line.size() > limits::kRequestLineBytesMax) return Refusal{414, "the request target is too long", true};
  const std::string_view version = line.substr(line.size() - std::min(line.size(), kVersion.size()));
  if (!begins_with_method(line)) return Refusal{400, "this is no HTTP request", true};
  if (version == kVersion || version == " HTTP/1.0") return std::nullopt;
  if (version.substr(0, version.find('/')) == " HTTP")
    return Refusal{505, "speak HTTP/1.1 or HTTP/1.0", true};
  return Refusal{400, "this is no HTTP request", true};
}

}  // namespace

// Made anew for every request, in place; apart from the header for the sake of whoever includes that.
struct RequestReader::Parsers {
  std::optional<HeadParser> head;
  std::optional<ChunkDecoder> chunks;
};

RequestReader::RequestReader(ReaderLimits limits, RequestIdSource& ids)
    : limits_(limits), ids_(ids), parsers_(std::make_unique<Parsers>()) {}

RequestReader::~RequestReader() = default;

RequestReader::Event RequestReader::refuse(Refusal refusal) noexcept {
  refusal_ = refusal;
  if (refusal.ends_connection) stage_ = Stage::broken;
  return Event::refused;
}

RequestReader::Step RequestReader::feed(std::string_view bytes, Exchange& into) {
  FERRO_ASSERT(!skipping(), "the rest of a refused body comes first");
  switch (stage_) {
    case Stage::head:
      return feed_head(bytes, into);
    case Stage::fixed_body:
      return feed_fixed(bytes, into);
    case Stage::chunked_body:
      return feed_chunked(bytes, into);
    case Stage::broken:
      return {bytes.size(), Event::refused};
  }
  return {};
}

RequestReader::Step RequestReader::feed_head(std::string_view bytes, Exchange& into) {
  if (scanned_ == 0 && !blank_line_skipped_) {
    if (bytes == kLineEnd.substr(0, 1)) return {};
    if (bytes.starts_with(kLineEnd)) {  // some clients end a body with one too many
      blank_line_skipped_ = true;
      return {kLineEnd.size(), Event::need_more};
    }
  }
  size_t head_size = 0;
  if (const auto refusal = find_head_end(bytes, head_size)) return {bytes.size(), refuse(*refusal)};
  if (head_size == 0) return {};
  bytes_taken_ = head_size;
  return {head_size, parse_head(bytes.substr(0, head_size), into)};
}

std::optional<Refusal> RequestReader::find_head_end(std::string_view bytes, size_t& head_size) {
  while (scanned_ < bytes.size()) {
    const size_t line_feed = bytes.find('\n', scanned_);
    if (line_feed == std::string_view::npos) {
      scanned_ = bytes.size();
      break;
    }
    if (line_feed == line_start_ || bytes[line_feed - 1] != '\r') {
      return Refusal{400, "a header line must end with carriage return and line feed", true};
    }
    const std::string_view line = bytes.substr(line_start_, line_feed - 1 - line_start_);
    if (line_start_ == 0) {
      if (const auto refusal = check_request_line(line)) return refusal;
    } else if (line.empty()) {
      head_size = line_feed + 1;
      break;
    } else if (line.front() == ' ' || line.front() == '\t') {
      return Refusal{400, "a header line must not be folded", true};
    }
    scanned_ = line_start_ = line_feed + 1;
  }
  if ((head_size != 0 ? head_size : bytes.size()) > limits_.header_bytes_max) {
    return Refusal{431, "the header block is too large", true};
  }
  if (line_start_ == 0) return check_unfinished_line(bytes);
  return std::nullopt;
}

// The first line has not ended: refuses early what cannot become a request, such as a TLS greeting.
std::optional<Refusal> RequestReader::check_unfinished_line(std::string_view bytes) {
  if (!begins_with_method(bytes) && bytes != "\r") return Refusal{400, "this is no HTTP request", true};
  if (bytes.size() > limits::kRequestLineBytesMax)
    return Refusal{414, "the request target is too long", true};
  return std::nullopt;
}

RequestReader::Event RequestReader::parse_head(std::string_view block, Exchange& into) {
  HeadParser& parser = parsers_->head.emplace();
  const auto refusal = parser.parse(block);
  copy_head(parser.head(), into);  // a refusal carries the caller's request id too
  return refusal ? refuse(*refusal) : begin_body(parser.head(), into);
}

// The input buffer moves on while the request is being served, so it keeps a copy.
void RequestReader::copy_head(const Head& head, Exchange& into) {
  const bool own_id = !is_fit_request_id(head.request_id);
  into.head.reserve(head.target.size() + head.authorization.size() + limits::kRequestIdBytesMax);
  into.head.append(head.target).append(head.authorization);
  if (own_id) {
    ids_.append_next(into.head);
  } else {
    into.head.append(head.request_id);
  }
  const std::string_view copy = into.head;
  const std::string_view target = copy.substr(0, head.target.size());
  const size_t question = target.find('?');
  Request& request = into.request;
  request.method = head.method;
  request.path = target.substr(0, question);
  request.query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  request.authorization = copy.substr(target.size(), head.authorization.size());
  request.request_id = copy.substr(target.size() + head.authorization.size());
  request.accepts_gzip = head.accepts_gzip;
  into.http_1_1 = head.http_1_1;
  into.keep_alive = head.keep_alive;
}

RequestReader::Event RequestReader::begin_body(const Head& head, Exchange& into) {
  if (head.chunked) {
    parsers_->chunks.emplace(limits_.body_bytes_max);
    into.wants_continue = head.expects_continue;
    stage_ = Stage::chunked_body;
    return Event::head_done;
  }
  const uint64_t length = head.content_length.value_or(0);
  if (length == 0) return finish(into);
  if (length > limits_.body_bytes_max) {
    // A client that waits for leave to send may or may not send after a refusal: then the end is not known.
    const bool end_is_near =
        length - limits_.body_bytes_max <= limits_.body_bytes_max && !head.expects_continue;
    if (end_is_near) {
      skip_left_ = length;
      finish(into);
    }
    return refuse({413, "the body is too large", !end_is_near});
  }
  into.wants_continue = head.expects_continue;
  if (!into.body.make_room(length)) return refuse(kNoMemory);
  body_left_ = length;
  stage_ = Stage::fixed_body;
  return Event::head_done;
}

RequestReader::Event RequestReader::finish(Exchange& into) {
  into.request.body = into.body.view();
  into.wants_continue = false;
  stage_ = Stage::head;
  scanned_ = line_start_ = 0;
  blank_line_skipped_ = false;
  return Event::complete;
}

RequestReader::Step RequestReader::feed_fixed(std::string_view bytes, Exchange& into) {
  const size_t size = std::min<uint64_t>(bytes.size(), body_left_);
  if (!into.body.append(bytes.substr(0, size))) return {bytes.size(), refuse(kNoMemory)};
  return {size, took_body(size, into)};
}

std::span<char> RequestReader::body_window(Exchange& into) {
  if (stage_ != Stage::fixed_body) return {};
  if (into.body.room() == 0 && !into.body.make_room(body_left_)) return {};  // feed() will refuse
  return {into.body.window(), std::min<uint64_t>(into.body.room(), body_left_)};
}

RequestReader::Event RequestReader::body_read(size_t bytes, Exchange& into) {
  into.body.commit(bytes);
  return took_body(bytes, into);
}

RequestReader::Event RequestReader::took_body(size_t bytes, Exchange& into) {
  if (bytes > 0) into.wants_continue = false;
  bytes_taken_ += bytes;
  body_left_ -= bytes;
  return body_left_ == 0 ? finish(into) : Event::need_more;
}

RequestReader::Step RequestReader::feed_chunked(std::string_view bytes, Exchange& into) {
  if (bytes.empty()) return {};
  Step step;
  const auto state = parsers_->chunks->feed(bytes, into.body, step.consumed);
  into.wants_continue = false;
  bytes_taken_ += step.consumed;
  switch (state) {
    case ChunkDecoder::State::more:
      break;
    case ChunkDecoder::State::done:
      step.event = finish(into);
      break;
    case ChunkDecoder::State::malformed:
      step.event = refuse({400, "the chunked body is malformed", true});
      break;
    case ChunkDecoder::State::no_memory:
      step.event = refuse(kNoMemory);
      break;
    case ChunkDecoder::State::too_large:
      step.event = refuse({413, "the body is too large", true});
      break;
  }
  return step;
}

size_t RequestReader::skip(size_t bytes) noexcept {
  const size_t skipped = std::min<uint64_t>(bytes, skip_left_);
  skip_left_ -= skipped;
  bytes_taken_ += skipped;
  return skipped;
}

}  // namespace ferro::node::http
