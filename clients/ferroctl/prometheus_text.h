// Samples out of a node's /metrics.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ferro::ferroctl {

class Samples {
 public:
  explicit Samples(std::string_view exposition);
  double value(const std::string& name) const;  // of the sample without labels; 0 if absent
  // Cumulative counts of a histogram without other labels, by upper bound, ascending.
  std::vector<std::pair<double, double>> buckets(const std::string& name) const;

 private:
  std::unordered_map<std::string, double> plain_;
  std::unordered_map<std::string, std::vector<std::pair<double, double>>> buckets_;
};

// The value below which `share` of what was counted between two readings lies; 0 without observations.
double quantile(double share, const std::vector<std::pair<double, double>>& before,
                const std::vector<std::pair<double, double>>& after);

}  // namespace ferro::ferroctl
