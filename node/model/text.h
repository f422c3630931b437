// Text rules of the contract: what counts as the same question, and what text is accepted at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ferro::node::model {

// Exact-match form: every run of Unicode white space (property White_Space) becomes one space, ends trimmed,
// Unicode full case folding. Empty for a blank text. Input must be valid UTF-8. Writes into `out` (reused).
void normalise_text(std::string_view text, std::string& out);

// Property White_Space of the Unicode character database; false for a negative value.
bool is_white_space(int32_t code_point) noexcept;
// Without white space at either end.
std::string_view trim(std::string_view text) noexcept;

struct TextHash {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const TextHash&, const TextHash&) = default;
};
// XXH3-128 of an already normalised text.
TextHash hash_text(std::string_view normalised) noexcept;

bool is_valid_utf8(std::string_view text) noexcept;
// At most `characters_max` code points of `text`, never cutting inside one.
std::string_view preview(std::string_view text, size_t characters_max) noexcept;

}  // namespace ferro::node::model
