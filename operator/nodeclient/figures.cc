#include "operator/nodeclient/figures.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace ferro::oper::nodeclient {
namespace {

constexpr std::string_view kMemory = "ferrocache_memory_bytes ";
constexpr std::string_view kMemoryMax = "ferrocache_memory_max_bytes ";
constexpr std::string_view kBucket = "ferrocache_query_duration_seconds_bucket{le=\"";
constexpr size_t kBucketsMax = 64;

std::optional<double> parse_real(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(value)) return std::nullopt;
  return value;
}

// Counts and bytes; a timestamp behind the value is passed over.
std::optional<double> parse_value(std::string_view text) {
  const auto value = parse_real(text.substr(0, text.find(' ')));
  return value && *value >= 0 && *value < 9.0e18 ? value : std::nullopt;
}

// `rest` = `0.005"} 12`.
bool read_bucket(std::string_view rest, NodeFigures& figures) {
  const size_t quote = rest.find('"');
  if (quote == std::string_view::npos || rest.substr(quote, 3) != "\"} ") return false;
  const auto bound = parse_real(rest.substr(0, quote));
  const auto count = parse_value(rest.substr(quote + 3));
  if (!bound || !count || figures.queries_by_seconds.size() == kBucketsMax) return false;
  figures.queries_by_seconds[*bound] = static_cast<uint64_t>(*count);
  return true;
}

bool read_gauge(std::string_view text, int64_t& gauge) {
  const auto value = parse_value(text);
  if (value) gauge = static_cast<int64_t>(*value);
  return value.has_value();
}

}  // namespace

Result<NodeFigures> parse_figures(std::string_view text) {
  NodeFigures figures;
  figures.memory_bytes = figures.memory_max_bytes = -1;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    bool good = true;
    if (line.starts_with(kBucket)) {
      good = read_bucket(line.substr(kBucket.size()), figures);
    } else if (line.starts_with(kMemory)) {
      good = read_gauge(line.substr(kMemory.size()), figures.memory_bytes);
    } else if (line.starts_with(kMemoryMax)) {
      good = read_gauge(line.substr(kMemoryMax.size()), figures.memory_max_bytes);
    }
    if (!good) return Status::invalid("its metrics have a line of memory or query times that cannot be read");
  }
  if (figures.memory_bytes < 0 || figures.memory_max_bytes < 0) {
    return Status::invalid("its metrics do not tell its memory");
  }
  return figures;
}

}  // namespace ferro::oper::nodeclient
