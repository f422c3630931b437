// A token as people keep it: in a file, a variable, a Secret, often with a line end behind it.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::ferroctl {

// The first word of `text`. invalid_argument, naming `where` and never the content, if there is none or it
// cannot be sent: a token is 1 to 4096 bytes without blanks and control characters.
Result<Secret> token_in(std::string_view text, const std::string& where);

}  // namespace ferro::ferroctl
