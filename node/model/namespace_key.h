// The triple (model, scope, conversation) that keeps entries apart, and its printed name.
//
// Two keys are the same namespace exactly when all three parts are equal; the printed name is a bijection
// (docs/api.md, "Namespaces"). Values; thread-compatible.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ferro::node::model {

struct NamespaceKey {
  std::string model_id;
  std::string scope;         // empty = none
  std::string conversation;  // empty = none

  bool is_conversation() const noexcept { return !conversation.empty(); }
  // The same model and scope without the conversation: where a conversation's misses look next.
  NamespaceKey base() const { return {model_id, scope, {}}; }
  friend bool operator==(const NamespaceKey&, const NamespaceKey&) = default;
};

struct NamespaceKeyHash {
  size_t operator()(const NamespaceKey& key) const noexcept;
};

// ok if `key` keeps the lengths of the contract, is valid UTF-8 and its scope and conversation are trimmed:
// what every stored key must satisfy.
Status check_namespace_key(const NamespaceKey& key);

// Trims scope and conversation (Unicode white space), checks the contract's lengths, refuses a scope
// beginning `conv_` (400 texts).
Result<NamespaceKey> make_namespace_key(std::string_view model_id, std::string_view scope,
                                        std::string_view conversation);

// `model`, then `::scope`, then `::conv_conversation`, percent-encoded where needed to stay unambiguous.
std::string printed_name(const NamespaceKey& key);
// The key whose printed name this is; invalid_argument if no key prints so.
Result<NamespaceKey> parse_printed_name(std::string_view name);

}  // namespace ferro::node::model
