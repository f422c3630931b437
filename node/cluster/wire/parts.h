// Descriptions of what several families of messages carry. Private to node/cluster/wire.
#pragma once

#include "common/base/limits.h"
#include "node/cluster/wire/fields.h"

namespace ferro::node::cluster {

template <typename A>
void describe(A& a, typename A::template Of<model::NamespaceKey> m) {
  a.text(1, m.model_id, limits::kModelIdBytesMax);
  a.text(2, m.scope, limits::kScopeBytesMax);
  a.text(3, m.conversation, limits::kConversationBytesMax);
}

// A Status taken apart.
struct StatusFields {
  uint32_t code = 0;  // wire_code()
  std::string message;
};

// The number that stands for a code on the wire, the same in every build: not the enumerator's own value.
uint32_t wire_code(StatusCode code) noexcept;
// internal for a number that only a later build knows.
StatusCode status_code(uint32_t wire_code) noexcept;

template <typename A>
void describe(A& a, typename A::template Of<StatusFields> m) {
  a.number(1, m.code);
  a.text(2, m.message);
}

}  // namespace ferro::node::cluster
