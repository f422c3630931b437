// openapi.json as it was when the program was built.
#pragma once

#include <string_view>

namespace ferro::node::api {

std::string_view openapi_document() noexcept;

}  // namespace ferro::node::api
