// Decodes a chunked body (RFC 9112 §7.1) byte for byte, strictly: what is not exactly the grammar is
// malformed.
//
// Ours because Beast 1.74 aborts on an assertion when an empty chunked body arrives in small pieces. Owned by
// a RequestReader, made anew for every body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "node/http/exchange.h"

namespace ferro::node::http {

class ChunkDecoder {
 public:
  enum class State : uint8_t { more, done, malformed, too_large, no_memory };

  explicit ChunkDecoder(size_t body_bytes_max) : left_in_body_(body_bytes_max) {}

  // Appends what it decodes to `out`; `consumed` is all of `bytes` unless the body ends before. Not again
  // once the state is other than `more`.
  State feed(std::string_view bytes, BodyBuffer& out, size_t& consumed);

 private:
  enum class Expect : uint8_t {
    size,            // the first digit
    more_size,       // digits, an extension or the line's end
    extension_sign,  // blanks before ';'
    extension,       // to the line's end; its meaning is ignored
    size_line_feed,
    data,
    data_return,
    data_line_feed,
    trailer,  // a trailer line or the empty one
    trailer_name,
    trailer_value,
    trailer_line_feed,
    last_line_feed,
  };

  State take(char c);
  State take_size(char c);
  State take_trailer(char c);
  State begin_data();

  Expect expect_ = Expect::size;
  uint64_t size_ = 0;      // of the chunk: as read so far, then what is left of it
  size_t left_in_body_;    // bytes that the body may still grow by
  size_t line_bytes_ = 0;  // of the size line; of all trailers
};

}  // namespace ferro::node::http
