// Base64 as Secrets carry it (RFC 4648, with padding). Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ferro::oper::pki {

std::string encode_base64(std::string_view bytes);
// invalid_argument for anything but whole groups of the standard alphabet.
Result<std::string> decode_base64(std::string_view text);
// The alphabet for URLs and file names, without padding.
std::string encode_base64url(std::string_view bytes);

}  // namespace ferro::oper::pki
