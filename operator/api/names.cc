#include "operator/api/names.h"

#include <charconv>

namespace ferro::oper::api {

std::optional<int64_t> ordinal_of(std::string_view cluster, std::string_view pod) {
  if (pod.size() <= cluster.size() + 1 || !pod.starts_with(cluster) || pod[cluster.size()] != '-')
    return std::nullopt;
  const std::string_view digits = pod.substr(cluster.size() + 1);
  if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return int64_t{value};
}

std::optional<int64_t> ordinal_of_claim(std::string_view cluster, std::string_view claim) {
  if (!claim.starts_with(kClaimPrefix)) return std::nullopt;
  return ordinal_of(cluster, claim.substr(kClaimPrefix.size()));
}

}  // namespace ferro::oper::api
