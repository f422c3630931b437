// Cuts a stream of bytes into lines of bounded length.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace ferro::oper::k8s {

// A value of one stream; one thread. Lines are handed over without their end ("\n" or "\r\n"). Of a line
// longer than the bound its beginning is handed over, once, and the rest dropped: a decoder will not take it
// for a whole one.
class LineSplitter {
 public:
  using OnLine = std::function<bool(std::string_view)>;
  explicit LineSplitter(size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  // False as soon as on_line answers false; then nothing more is handed over.
  bool feed(std::string_view bytes, const OnLine& on_line);
  // The stream ended in good order: what stands without an end of line is a line too.
  bool finish(const OnLine& on_line);

 private:
  bool end_line(std::string_view line, const OnLine& on_line);

  const size_t line_bytes_max_;
  std::string partial_;
  bool dropping_ = false;  // inside a line that was handed over cut
};

}  // namespace ferro::oper::k8s
