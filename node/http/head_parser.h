// Beast's incremental parser with our own reception of what it finds: no field container, no allocation, only
// the few fields that this server understands, each checked for being there once and meaning one thing.
//
// Beast parses the header block only; bodies are RequestReader's. Made anew for every request.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "node/http/message.h"
#include "node/http/request_reader.h"

namespace ferro::node::http {

// What a header block says; views into the bytes that were parsed.
struct Head {
  Method method = Method::other;
  std::string_view target, authorization, request_id;
  std::optional<uint64_t> content_length;
  bool http_1_1 = true, keep_alive = true, accepts_gzip = false, expects_continue = false, chunked = false;
};

class HeadParser final : private boost::beast::http::basic_parser<true> {
 public:
  HeadParser();

  // `block` is a whole header block with its empty line. Nullopt: `head()` is valid, as long as `block` is.
  std::optional<Refusal> parse(std::string_view block);
  const Head& head() const noexcept { return head_; }

 private:
  using Error = boost::beast::error_code;
  using Text = boost::beast::string_view;
  using Field = boost::beast::http::field;

  void on_request_impl(boost::beast::http::verb verb, Text method, Text target, int version,
                       Error& ec) override;
  void on_response_impl(int code, Text reason, int version, Error& ec) override;
  void on_field_impl(Field field, Text name, Text value, Error& ec) override;
  void on_header_impl(Error& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error& ec) override;
  size_t on_body_impl(Text body, Error& ec) override;
  void on_chunk_header_impl(uint64_t size, Text extensions, Error& ec) override;
  size_t on_chunk_body_impl(uint64_t left, Text body, Error& ec) override;
  void on_finish_impl(Error& ec) override;

  void take_host(std::string_view value, Error& ec);
  void take_content_length(std::string_view value, Error& ec);
  void take_expect(std::string_view value, Error& ec);
  // Beast stops at any error; what it was is kept in refusal_.
  void refuse(Error& ec, unsigned status, std::string_view reason);
  Refusal refusal_for(Error ec) const;

  Head head_;
  bool has_host_ = false, has_authorization_ = false;
  std::optional<Refusal> refusal_;
};

// True if an Accept-Encoding header's value admits gzip with a weight above zero.
bool admits_gzip(std::string_view accept_encoding);

}  // namespace ferro::node::http
