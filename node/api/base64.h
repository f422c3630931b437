// Base64 (RFC 4648 section 4, and the URL-safe alphabet of section 5).
#pragma once

#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace ferro::node::api {

// Decodes little-endian float32 values into `out` (replaced). Either alphabet, not both in one text; padding
// may be left out only where the URL-safe characters appear; no white space. invalid_argument says what is
// wrong. At most `count_max` values are accepted.
Status decode_floats(std::string_view base64, size_t count_max, std::vector<float>& out);

}  // namespace ferro::node::api
