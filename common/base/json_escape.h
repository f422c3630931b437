// How one character is written inside a JSON string.
#pragma once

#include <string>

namespace ferro {

// Appends the escape of a quote, a backslash or a control character (below 0x20, or 0x7f): two characters
// where JSON has a short form that every reader knows, \u00xx else.
void append_json_escape(char character, std::string& out);

}  // namespace ferro
