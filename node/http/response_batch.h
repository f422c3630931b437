// Answers on their way out: header blocks written by hand into one reused string, small bodies beside them,
// large ones kept where they are, all handed to the socket as one gathered write.
//
// Owned by its connection and used on its core.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/limits.h"
#include "node/http/exchange.h"

namespace ferro::node::http {

// What the head of an answer says besides the Response itself.
struct AnswerFacts {
  std::string_view date;  // "Date: ...\r\n" whole, or empty
  std::string_view request_id;
  bool http_1_1 = true;
  bool keep_alive = true;
  bool without_body = false;  // the answer to HEAD
};

class ResponseBatch {
 public:
  // Every answer of a full pipeline with its body apart, and "100 Continue".
  static constexpr size_t kPartsMax = 2 * limits::kPipelinedRequestsMax + 1;

  // At most kPipelinedRequestsMax answers before the next clear().
  void append(Response&& response, const AnswerFacts& facts);
  void append_continue();
  bool empty() const noexcept { return part_count_ == 0; }
  size_t bytes() const noexcept { return bytes_; }
  // In order; valid until the next change. Returns how many of `parts` were set.
  size_t gather(std::array<std::string_view, kPartsMax>& parts) const noexcept;
  void clear() noexcept;

 private:
  struct Part {
    size_t size = 0;
    bool is_body = false;  // the next of bodies_, else the next `size` bytes of text_
  };
  void append_head(const Response& response, const AnswerFacts& facts);
  void append_header(std::string_view name, std::string_view value);
  // What was added to text_ since `before` joins the last part, or becomes one.
  void extend_text(size_t before);

  std::string text_;
  std::vector<std::string> bodies_;
  std::array<Part, kPartsMax> parts_;
  size_t part_count_ = 0, bytes_ = 0;
};

}  // namespace ferro::node::http
