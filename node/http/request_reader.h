// From bytes to requests, without a socket: finds a request's header block, lets Beast parse it, checks what
// Beast leaves open, then takes the body. What could be read in two ways (request smuggling) is refused and
// ends the connection: both or several lengths, unknown codings, folded lines, bare line feeds, control
// characters. docs/connections.md.
//
// Owned by its connection and used on its core; the fuzz target drives it directly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "node/http/exchange.h"
#include "node/http/request_id.h"

namespace ferro::node::http {

struct Head;

struct ReaderLimits {
  size_t header_bytes_max = 65'536;
  size_t body_bytes_max = 33'554'432;
};

// Why a request is refused here; `reason` says what to change.
struct Refusal {
  unsigned status = 400;
  std::string_view reason;      // a literal
  bool ends_connection = true;  // false: the body's end is known and the reader skips to it
};

class RequestReader {
 public:
  enum class Event : uint8_t {
    need_more,
    head_done,  // the header block is in, the body is not
    complete,
    refused,  // see refusal(); the reader reads no further request if that ends the connection
  };
  struct Step {
    size_t consumed = 0;
    Event event = Event::need_more;
  };

  RequestReader(ReaderLimits limits, RequestIdSource& ids);
  ~RequestReader();

  // Takes a part of `bytes`; what is not consumed must be presented again with more behind it. `into` is the
  // same Exchange until `complete` or `refused`. Not while skipping().
  Step feed(std::string_view bytes, Exchange& into);
  const Refusal& refusal() const noexcept { return refusal_; }

  // The rest of a refused body: returns how many bytes belong to it.
  size_t skip(size_t bytes) noexcept;
  bool skipping() const noexcept { return skip_left_ > 0; }

  // Nothing of a next request has come yet.
  bool at_start() const noexcept { return stage_ == Stage::head && scanned_ == 0; }

  // While a body of known length is outstanding: where to read it to, past the input buffer; else empty.
  std::span<char> body_window(Exchange& into);
  // Bytes were read there.
  Event body_read(size_t bytes, Exchange& into);

  // Bytes of the header block and the body so far, for the minimum rate.
  uint64_t bytes_taken() const noexcept { return bytes_taken_; }

 private:
  struct Parsers;
  enum class Stage : uint8_t { head, fixed_body, chunked_body, broken };

  Step feed_head(std::string_view bytes, Exchange& into);
  Step feed_fixed(std::string_view bytes, Exchange& into);
  Step feed_chunked(std::string_view bytes, Exchange& into);
  // Looks line by line for the end of the header block; `head_size` stays 0 if it is not there yet.
  std::optional<Refusal> find_head_end(std::string_view bytes, size_t& head_size);
  static std::optional<Refusal> check_unfinished_line(std::string_view bytes);
  Event parse_head(std::string_view block, Exchange& into);
  void copy_head(const Head& head, Exchange& into);
  Event begin_body(const Head& head, Exchange& into);
  Event took_body(size_t bytes, Exchange& into);
  Event finish(Exchange& into);
  Event refuse(Refusal refusal) noexcept;

  const ReaderLimits limits_;
  RequestIdSource& ids_;
  std::unique_ptr<Parsers> parsers_;
  Stage stage_ = Stage::head;
  bool blank_line_skipped_ = false;
  size_t scanned_ = 0, line_start_ = 0;  // progress of find_head_end
  uint64_t body_left_ = 0, skip_left_ = 0, bytes_taken_ = 0;
  Refusal refusal_;
};

}  // namespace ferro::node::http
