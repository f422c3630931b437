// The nodes' leaves, as the Secret NAME-tls holds them, and what a leaf is made out to. Values; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "operator/pki/certificate.h"
#include "operator/pki/secret_json.h"

namespace ferro::oper::pki {

inline constexpr std::string_view kClusterDomain = "cluster.local";

// Sorted: the member's host names and those of the clients' Service, short and long, and localhost.
std::vector<std::string> leaf_names(std::string_view cluster, std::string_view ns, int64_t ordinal);

struct Leaves {
  std::map<int64_t, Identity> by_ordinal;
  int64_t requested = 0;  // spec.tls.rotateGeneration acted on
};

// Leaves that cannot be read, or whose key is another's, are left out: they are made again. Keys that are no
// leaf's are ignored.
Leaves read_leaves(const Json& secret, std::string_view cluster);
SecretContent content_of(const Leaves& leaves, std::string_view cluster);

// One leaf for each ordinal, by `authority`; the others of `held` stay, unless they are `keep_below` or
// above.
Result<Leaves> with_leaves(const Leaves& held, const std::vector<int64_t>& ordinals, int64_t keep_below,
                           const Identity& authority, std::string_view cluster, std::string_view ns,
                           int64_t validity_s, int64_t now_unix);

}  // namespace ferro::oper::pki
