// How many bytes parts of a gossip message take at most when encoded (docs/formats/peer_protocol.md), so that
// whoever composes a message knows when it is full.
#pragma once

#include <cstddef>

namespace ferro::node::cluster {

// Around the parts: a tag and a length of up to four bytes each. A number: a tag, a length, ten bytes.
inline constexpr size_t kMessageBytesExtra = 16;
inline constexpr size_t kDigestBytesExtra = 5 + 3 + 4 * 12;     // and the node's id
inline constexpr size_t kDeltaBytesExtra = 5 + 3 + 5 * 12 + 3;  // and the node's id, and its values
inline constexpr size_t kValueBytesExtra = 5 + 3 + 5 + 12 + 3;  // and key and value

}  // namespace ferro::node::cluster
