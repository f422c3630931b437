#include "clients/ferroctl/prometheus_text.h"

#include <cstdlib>
#include <limits>

namespace ferro::ferroctl {

Samples::Samples(std::string_view exposition) {
  constexpr std::string_view kBucket = "_bucket{le=\"";
  while (!exposition.empty()) {
    const size_t end = std::min(exposition.find('\n'), exposition.size());
    const std::string line(exposition.substr(0, end));
    exposition.remove_prefix(std::min(end + 1, exposition.size()));
    const size_t blank = line.rfind(' ');
    if (line.empty() || line.front() == '#' || blank == std::string::npos) continue;
    const double value = std::strtod(line.c_str() + blank + 1, nullptr);
    if (const size_t at = line.find(kBucket); at != std::string::npos) {
      const char* const bound = line.c_str() + at + kBucket.size();
      const double limit =
          *bound == '+' ? std::numeric_limits<double>::infinity() : std::strtod(bound, nullptr);
      buckets_[line.substr(0, at)].emplace_back(limit, value);
    } else if (line.find('{') == std::string::npos) {
      plain_[line.substr(0, blank)] = value;
    }
  }
}

double Samples::value(const std::string& name) const {
  const auto found = plain_.find(name);
  return found == plain_.end() ? 0 : found->second;
}

std::vector<std::pair<double, double>> Samples::buckets(const std::string& name) const {
  const auto found = buckets_.find(name);
  return found == buckets_.end() ? std::vector<std::pair<double, double>>() : found->second;
}

double quantile(double share, const std::vector<std::pair<double, double>>& before,
                const std::vector<std::pair<double, double>>& after) {
  if (after.empty() || before.size() != after.size()) return 0;
  const double all = after.back().second - before.back().second;
  if (all <= 0) return 0;
  double lower = 0, below = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    const double count = after[i].second - before[i].second;
    if (count >= share * all) {
      if (after[i].first == std::numeric_limits<double>::infinity()) return lower;
      const double within = count - below;
      return within <= 0 ? after[i].first : lower + (after[i].first - lower) * (share * all - below) / within;
    }
    lower = after[i].first;
    below = count;
  }
  return lower;
}

}  // namespace ferro::ferroctl
