#include "node/http/response_batch.h"

#include <charconv>

#include "common/base/assert.h"
#include "node/http/characters.h"

namespace ferro::node::http {
namespace {

constexpr size_t kKeptTextBytesMax = 65'536;

std::string_view reason_phrase(unsigned status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

void append_number(std::string& out, size_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

}  // namespace

void ResponseBatch::append(Response&& response, const AnswerFacts& facts) {
  const size_t before = text_.size();
  append_head(response, facts);
  const bool has_body = !facts.without_body && response.status != 204 && response.status != 304;
  const bool apart = has_body && response.body.size() >= limits::kGatheredBodyBytesMin;
  if (has_body && !apart) text_.append(response.body);
  extend_text(before);
  if (!apart) return;
  FERRO_ASSERT(part_count_ < kPartsMax, "no more answers than a full pipeline holds");
  parts_[part_count_++] = {response.body.size(), true};
  bytes_ += response.body.size();
  bodies_.push_back(std::move(response.body));
}

void ResponseBatch::append_head(const Response& response, const AnswerFacts& facts) {
  text_.append(facts.http_1_1 ? "HTTP/1.1 " : "HTTP/1.0 ");
  append_number(text_, response.status);
  text_.append(" ").append(reason_phrase(response.status)).append("\r\n");
  if (response.status != 204) {
    append_header("Content-Type", response.content_type);
    text_.append("Content-Length: ");
    append_number(text_, response.body.size());
    text_.append("\r\n");
  }
  append_header("X-Request-Id", facts.request_id);
  for (const auto& [name, value] : response.headers) append_header(name, value);
  if (!facts.keep_alive) {
    text_.append("Connection: close\r\n");
  } else if (!facts.http_1_1) {
    text_.append("Connection: keep-alive\r\n");
  }
  text_.append(facts.date).append("\r\n");
}

// A value that came from a request must not be able to begin a header of its own.
void ResponseBatch::append_header(std::string_view name, std::string_view value) {
  text_.append(name).append(": ");
  for (const char c : value) text_.push_back(is_control(c) ? ' ' : c);
  text_.append("\r\n");
}

void ResponseBatch::append_continue() {
  const size_t before = text_.size();
  text_.append("HTTP/1.1 100 Continue\r\n\r\n");
  extend_text(before);
}

void ResponseBatch::extend_text(size_t before) {
  const size_t added = text_.size() - before;
  bytes_ += added;
  if (part_count_ > 0 && !parts_[part_count_ - 1].is_body) {
    parts_[part_count_ - 1].size += added;
    return;
  }
  FERRO_ASSERT(part_count_ < kPartsMax, "no more answers than a full pipeline holds");
  parts_[part_count_++] = {added, false};
}

size_t ResponseBatch::gather(std::array<std::string_view, kPartsMax>& parts) const noexcept {
  size_t text_at = 0, body = 0;
  for (size_t i = 0; i < part_count_; ++i) {
    if (parts_[i].is_body) {
      parts[i] = bodies_[body++];
    } else {
      parts[i] = {text_.data() + text_at, parts_[i].size};
      text_at += parts_[i].size;
    }
  }
  return part_count_;
}

void ResponseBatch::clear() noexcept {
  text_.clear();
  if (text_.capacity() > kKeptTextBytesMax) text_.shrink_to_fit();
  bodies_.clear();
  part_count_ = bytes_ = 0;
}

}  // namespace ferro::node::http
