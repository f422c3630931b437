#include "node/cluster/ring/member_values.h"

#include <array>
#include <charconv>

namespace ferro::node::cluster {
namespace {

constexpr std::array kStates = {NodeState::joining, NodeState::ready, NodeState::leaving, NodeState::drained};
constexpr std::string_view kLeavingIncomplete = "leaving_incomplete";

std::string_view value_of(const Member& member, std::string_view key) {
  const auto found = member.values.find(key);
  return found == member.values.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

std::string_view to_string(NodeState state) noexcept {
  switch (state) {
    case NodeState::joining:
      return "joining";
    case NodeState::ready:
      return "ready";
    case NodeState::leaving:
      return "leaving";
    case NodeState::drained:
      return "drained";
  }
  return "";
}

std::string print_state(const PeerState& state) {
  if (state.state == NodeState::leaving && !state.complete) return std::string(kLeavingIncomplete);
  return std::string(to_string(state.state));
}

std::optional<PeerState> state_of(const Member& member) {
  const std::string_view text = value_of(member, kStateKey);
  if (text == kLeavingIncomplete) return PeerState{NodeState::leaving, false};
  for (const NodeState state : kStates) {
    if (text == to_string(state)) {
      return PeerState{state, state == NodeState::ready || state == NodeState::leaving};
    }
  }
  return std::nullopt;
}

std::string print_fingerprint(uint64_t fingerprint) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; fingerprint >>= 4U) text[i] = kDigits[fingerprint & 15U];
  return text;
}

std::optional<uint64_t> fingerprint_of(const Member& member, std::string_view key) {
  const std::string_view text = value_of(member, key);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.size() != 16) return std::nullopt;
  return value;
}

std::optional<uint64_t> number_of(const Member& member, std::string_view key, uint64_t max) {
  const std::string_view text = value_of(member, key);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > max) {
    return std::nullopt;
  }
  return value;
}

bool is_live(const Member& member) noexcept {
  return member.liveness != Liveness::dead && !member.left;
}

}  // namespace ferro::node::cluster
