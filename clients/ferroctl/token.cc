#include "clients/ferroctl/token.h"

#include <algorithm>

namespace ferro::ferroctl {
namespace {

constexpr size_t kTokenBytesMax = 4096;  // what nodes take
constexpr std::string_view kBlank = " \t\r\n";

}  // namespace

Result<Secret> token_in(std::string_view text, const std::string& where) {
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return Status::invalid(where + " holds no token: it is empty");
  const std::string_view word = text.substr(begin, text.find_first_of(kBlank, begin) - begin);
  if (word.size() > kTokenBytesMax)
    return Status::invalid(where + " holds no token: its first word is too long");
  const bool is_sendable = std::all_of(word.begin(), word.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) != 0x7F;
  });
  if (!is_sendable) return Status::invalid(where + " holds no token: there are control characters in it");
  return Secret(std::string(word));
}

}  // namespace ferro::ferroctl
