// gzip (RFC 1952) of whole answers, with one zlib state that is reused.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "node/http/message.h"

namespace ferro::node::http {

// True for what compresses well, is large enough to pay and is not encoded already.
bool is_worth_gzip(const Response& response);

// Owned by a core and used on it. Memory: about 260 KB once it was used.
class Gzip {
 public:
  Gzip();
  ~Gzip();

  // Writes the compressed bytes to `out`; false if zlib refuses or nothing is saved, `out` is then of no use.
  bool compress(std::string_view in, std::string& out);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace ferro::node::http
