// The rules between fields, the same as the CEL rules of the CRD short of those that compare with the former
// object (which only the API server can judge).
#pragma once

#include <string_view>

#include "common/base/status.h"
#include "operator/api/spec.h"

namespace ferro::oper::api {

// invalid_argument with a sentence that names both fields.
Status check_rules(const ClusterSpec& spec);

// True for node settings that the operator sets by itself.
bool is_owned_key(std::string_view key) noexcept;

}  // namespace ferro::oper::api
