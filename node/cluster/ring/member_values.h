// What members of the ring tell of themselves through gossip, as keys and as values read back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "node/cluster/membership/membership.h"

namespace ferro::node::cluster {

inline constexpr std::string_view kStateKey = "state";
inline constexpr std::string_view kWeightKey = "weight";
inline constexpr std::string_view kFactorKey = "factor";
inline constexpr std::string_view kRingKey = "ring";  // encode_ring
inline constexpr std::string_view kTargetKey =
    "target";  // fingerprint of the ring it writes to beside `ring`
inline constexpr std::string_view kSyncedKey = "synced";  // the same once it has caught up with that
// model::print_splits of what it wants to be split beyond the ring; whoever tells it can take part in a ring
// with splits. Sorts before kStateKey and is thus told before it.
inline constexpr std::string_view kSplitsKey = "splits";

enum class NodeState : uint8_t { joining, ready, leaving, drained };

struct PeerState {
  NodeState state = NodeState::joining;
  // Its copies of what it owns in the ring in force are whole: it may answer for them. False for whoever is
  // joining, and for one that is told to leave before it has caught up.
  bool complete = false;
  friend bool operator==(const PeerState&, const PeerState&) = default;
};

std::string_view to_string(NodeState state) noexcept;
// As the value of `state`.
std::string print_state(const PeerState& state);
// Nothing if the member has not said, or says what this version does not know.
std::optional<PeerState> state_of(const Member& member);

// 16 hexadecimal digits.
std::string print_fingerprint(uint64_t fingerprint);
std::optional<uint64_t> fingerprint_of(const Member& member, std::string_view key);
// 1..max; nothing for anything else.
std::optional<uint64_t> number_of(const Member& member, std::string_view key, uint64_t max);

// Takes part: it is not known to be dead and has not said goodbye.
bool is_live(const Member& member) noexcept;

}  // namespace ferro::node::cluster
