#include "node/http/head_parser.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <limits>

namespace ferro::node::http {

namespace beast_http = boost::beast::http;

namespace {

std::string_view view_of(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

Method method_of(beast_http::verb verb) noexcept {
  switch (verb) {
    case beast_http::verb::get:
      return Method::get;
    case beast_http::verb::post:
      return Method::post;
    case beast_http::verb::put:
      return Method::put;
    case beast_http::verb::delete_:
      return Method::delete_;
    case beast_http::verb::head:
      return Method::head;
    case beast_http::verb::options:
      return Method::options;
    case beast_http::verb::patch:
      return Method::patch;
    default:
      return Method::other;
  }
}

// host [":" port]; an empty one is legal.
bool is_host(std::string_view value) noexcept {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < '\x7f' && std::string_view(R"("#,/<>?@\^`{|})").find(c) == std::string_view::npos;
  });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Cuts the part before the next `separator` off `rest`, trimmed.
std::string_view next_part(std::string_view& rest, char separator) noexcept {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return trimmed(part);
}

// Of a Content-Encoding. Other values ("utf-8") are a mistake of clients that harms nobody.
bool names_compression(std::string_view codings) noexcept {
  constexpr std::array<std::string_view, 6> kCompressions{"gzip", "x-gzip", "deflate",
                                                          "br",   "zstd",   "compress"};
  while (!codings.empty()) {
    const std::string_view coding = next_part(codings, ',');
    for (const std::string_view compression : kCompressions) {
      if (equals_ignoring_case(coding, compression)) return true;
    }
  }
  return false;
}

// "q=0", "q=0.000" and the like.
bool is_zero_weight(std::string_view parameter) noexcept {
  const size_t equals = parameter.find('=');
  if (equals == std::string_view::npos || !equals_ignoring_case(trimmed(parameter.substr(0, equals)), "q"))
    return false;
  const std::string_view weight = trimmed(parameter.substr(equals + 1));
  return !weight.empty() && weight.front() == '0' && weight.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool admits_gzip(std::string_view accept_encoding) {
  bool by_star = false;
  while (!accept_encoding.empty()) {
    std::string_view entry = next_part(accept_encoding, ',');
    const std::string_view coding = next_part(entry, ';');
    bool admitted = true;
    while (!entry.empty()) admitted = !is_zero_weight(next_part(entry, ';')) && admitted;
    if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) return admitted;
    if (coding == "*") by_star = admitted;
  }
  return by_star;
}

HeadParser::HeadParser() {
  // RequestReader bounds the header block and the lengths; Beast's own bounds must only not be lower.
  header_limit(1U << 30);
  body_limit(std::numeric_limits<uint64_t>::max());  // "none" refuses every Content-Length in Boost 1.74
}

std::optional<Refusal> HeadParser::parse(std::string_view block) {
  Error ec;
  put(boost::asio::const_buffer(block.data(), block.size()), ec);
  if (ec) return refusal_for(ec);
  if (!is_header_done()) return Refusal{400, "the header block ends too early", true};
  head_.keep_alive = keep_alive();
  if (head_.http_1_1 && !has_host_) return Refusal{400, "send a Host header", true};
  if (head_.chunked && !head_.http_1_1) return Refusal{400, "HTTP/1.0 knows no Transfer-Encoding", true};
  return std::nullopt;
}

void HeadParser::on_request_impl(beast_http::verb verb, Text /*method*/, Text target, int version,
                                 Error& ec) {
  head_.method = method_of(verb);
  head_.http_1_1 = version >= 11;
  std::string_view text = view_of(target);
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.size() < scheme.size() || !equals_ignoring_case(text.substr(0, scheme.size()), scheme)) continue;
    // Absolute form: what counts is the path behind the authority.
    text.remove_prefix(scheme.size());
    const size_t path = text.find_first_of("/?");
    text = path == std::string_view::npos ? std::string_view("/") : text.substr(path);
    break;
  }
  const bool whole_server = text == "*" && verb == beast_http::verb::options;
  if (!whole_server && text.front() != '/') return refuse(ec, 400, "the request target must begin with /");
  if (text.find('#') != std::string_view::npos)
    return refuse(ec, 400, "the request target must not hold a fragment");
  head_.target = text;
}

void HeadParser::on_response_impl(int /*code*/, Text /*reason*/, int /*version*/, Error& /*ec*/) {}

void HeadParser::on_field_impl(Field field, Text name, Text raw_value, Error& ec) {
  const std::string_view value = view_of(raw_value);
  switch (field) {
    case Field::host:
      return take_host(value, ec);
    case Field::content_length:
      return take_content_length(value, ec);
    case Field::transfer_encoding:
      if (!equals_ignoring_case(value, "chunked"))
        return refuse(ec, 501, "the only Transfer-Encoding known is chunked");
      head_.chunked = true;
      return;
    case Field::content_encoding:
      if (names_compression(value)) return refuse(ec, 415, "send the body uncompressed");
      return;
    case Field::expect:
      return take_expect(value, ec);
    case Field::authorization:
      if (has_authorization_) return refuse(ec, 400, "send one Authorization header");
      has_authorization_ = true;
      head_.authorization = value;
      return;
    case Field::accept_encoding:
      head_.accepts_gzip = head_.accepts_gzip || admits_gzip(value);
      return;
    default:
      if (equals_ignoring_case(view_of(name), "x-request-id")) head_.request_id = value;
  }
}

void HeadParser::take_host(std::string_view value, Error& ec) {
  if (has_host_) return refuse(ec, 400, "send one Host header");
  if (!is_host(value)) return refuse(ec, 400, "the Host header is not a host");
  has_host_ = true;
}

void HeadParser::take_content_length(std::string_view value, Error& ec) {
  if (head_.content_length) return refuse(ec, 400, "send one Content-Length header");
  if (!std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return refuse(ec, 400, "Content-Length must be one number");
  }
  uint64_t length = 0;  // Beast has checked that it fits
  std::from_chars(value.data(), value.data() + value.size(), length);
  head_.content_length = length;
}

void HeadParser::take_expect(std::string_view value, Error& ec) {
  if (!equals_ignoring_case(value, "100-continue"))
    return refuse(ec, 417, "the only Expect known is 100-continue");
  head_.expects_continue = head_.http_1_1;
}

void HeadParser::on_header_impl(Error& /*ec*/) {}

void HeadParser::on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, Error& /*ec*/) {}

// Beast is never given bytes behind the header block.
size_t HeadParser::on_body_impl(Text body, Error& /*ec*/) {
  return body.size();
}

void HeadParser::on_chunk_header_impl(uint64_t /*size*/, Text /*extensions*/, Error& /*ec*/) {}

size_t HeadParser::on_chunk_body_impl(uint64_t /*left*/, Text body, Error& /*ec*/) {
  return body.size();
}

void HeadParser::on_finish_impl(Error& /*ec*/) {}

void HeadParser::refuse(Error& ec, unsigned status, std::string_view reason) {
  refusal_ = Refusal{status, reason, true};
  ec = beast_http::error::bad_field;
}

Refusal HeadParser::refusal_for(Error ec) const {
  if (refusal_) return *refusal_;
  if (ec == beast_http::error::bad_method) return {400, "the request line has no valid method", true};
  if (ec == beast_http::error::bad_target || ec == beast_http::error::bad_version)
    return {400, "the request line has no valid target", true};
  if (ec == beast_http::error::bad_content_length) {
    return {400, "send one Content-Length, a number, and no Transfer-Encoding beside it", true};
  }
  if (ec == beast_http::error::bad_transfer_encoding) {
    return {400, "send one Transfer-Encoding and no Content-Length beside it", true};
  }
  return {400, "a header line is malformed", true};
}

}  // namespace ferro::node::http
