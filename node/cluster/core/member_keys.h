// What a member tells of itself beside the ring's values (node/cluster/ring/member_values.h).
#pragma once

#include <string_view>

namespace ferro::node::cluster {

inline constexpr std::string_view kGossipAddressKey = "gossip_addr";
inline constexpr std::string_view kApiAddressKey = "api_addr";
inline constexpr std::string_view kSoftwareKey = "software";
inline constexpr std::string_view kCertificateKey = "cert";         // fingerprint
inline constexpr std::string_view kCertificateEndKey = "cert_end";  // Unix seconds
inline constexpr std::string_view kTrustKey = "trust";              // fingerprints, comma-separated
inline constexpr std::string_view kTokenGenerationKey = "token_gen";
// While they last: the node cannot write, because its disk is full say; it was told to stop.
inline constexpr std::string_view kRefusesWritesKey = "refuses_writes";
inline constexpr std::string_view kStoppingKey = "stopping";

}  // namespace ferro::node::cluster
