// JSON from the network: parsed without exceptions and with a bound on its depth.
#pragma once

#include <optional>
#include <string_view>

#include "operator/k8s/client.h"

namespace ferro::oper::k8s {

// Copying and printing recurse; no object of Kubernetes that the operator reads nests a tenth of this.
inline constexpr size_t kJsonDepthMax = 512;

// Nothing if it is no JSON text (UTF-8, RFC 8259) or nests deeper than kJsonDepthMax.
std::optional<Json> parse_json(std::string_view text);
// What is sent. Bytes that are not UTF-8, which only a bug of ours could bring here, are replaced.
std::string to_text(const Json& json);

// The value at a path of object keys; null if anything on the way is absent or no object.
const Json* find(const Json& object, std::initializer_list<std::string_view> path);
// The string there; empty if there is none.
std::string string_at(const Json& object, std::initializer_list<std::string_view> path);

}  // namespace ferro::oper::k8s
