#include "operator/k8s/line_splitter.h"

namespace ferro::oper::k8s {

bool LineSplitter::end_line(std::string_view line, const OnLine& on_line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return on_line(line);
}

bool LineSplitter::feed(std::string_view bytes, const OnLine& on_line) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const bool ends = end != std::string_view::npos;
    const std::string_view part = bytes.substr(0, ends ? end : bytes.size());
    bytes.remove_prefix(ends ? end + 1 : bytes.size());
    if (dropping_) {
      dropping_ = !ends;
      continue;
    }
    if (partial_.size() + part.size() > line_bytes_max_) {
      partial_.append(part.substr(0, line_bytes_max_ - partial_.size()));
      dropping_ = !ends;
      const std::string cut = std::move(partial_);
      partial_ = {};
      if (!on_line(cut)) return false;
    } else if (!ends) {
      partial_.append(part);
    } else if (partial_.empty()) {
      if (!end_line(part, on_line)) return false;
    } else {
      partial_.append(part);
      const std::string line = std::move(partial_);
      partial_ = {};
      if (!end_line(line, on_line)) return false;
    }
  }
  return true;
}

bool LineSplitter::finish(const OnLine& on_line) {
  if (partial_.empty()) return true;
  const std::string line = std::move(partial_);
  partial_ = {};
  return end_line(line, on_line);
}

}  // namespace ferro::oper::k8s
