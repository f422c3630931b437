#include "operator/pki/tokens.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "common/base/bytes.h"
#include "common/crypto/certificate.h"
#include "common/crypto/digest.h"
#include "operator/api/names.h"
#include "operator/pki/base64.h"

namespace ferro::oper::pki {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kGenerationWord = "generation=";

// The next word of a line, removed from it; empty at its end or at a comment.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  if (line.empty() || line.front() == '#') return {};
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

bool is_token(std::string_view word) noexcept {
  return !word.empty() && word.size() <= kTokenCharactersMax &&
         std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c != '\x7f'; });
}

Status wrong_line(size_t number, std::string_view what) {
  return Status::invalid("key " + std::string(kTokensKey) + ", line " + std::to_string(number) + ": " +
                         std::string(what));
}

// TOKEN [role=...] [scope=...] [generation=N]; roles and scopes are the nodes' business.
Status parse_line(std::string_view line, size_t number, std::vector<Token>& accepted) {
  const std::string_view word = take_word(line);
  if (word.empty()) return {};
  if (!is_token(word)) return wrong_line(number, "no token");
  Token token{Secret(std::string(word)), 0};
  for (std::string_view rest = take_word(line); !rest.empty(); rest = take_word(line)) {
    if (!rest.starts_with(kGenerationWord)) continue;
    rest.remove_prefix(kGenerationWord.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), token.generation);
    if (error != std::errc() || end != rest.data() + rest.size() || token.generation < 0) {
      return wrong_line(number, "generation is no number");
    }
  }
  if (accepted.size() == kTokensMax) return wrong_line(number, "too many tokens");
  accepted.push_back(std::move(token));
  return {};
}

Result<std::vector<Token>> parse_lines(std::string_view text) {
  std::vector<Token> accepted;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    FERRO_RETURN_IF_ERROR(parse_line(line, number, accepted));
  }
  return accepted;
}

bool same(const Secret& a, const Secret& b) noexcept {
  return crypto::constant_time_equal(as_bytes(a.reveal()), as_bytes(b.reveal()));
}

Result<Secret> new_token() {
  std::array<unsigned char, kTokenBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return Status::internal("no randomness for a token (" + crypto::take_openssl_error() + ")");
  }
  Secret token(encode_base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  volatile unsigned char* const wiped = bytes.data();
  for (size_t i = 0; i < bytes.size(); ++i) wiped[i] = 0;
  return token;
}

}  // namespace

int64_t Tokens::current_generation() const noexcept {
  for (const Token& token : accepted) {
    if (same(token.value, current)) return token.generation;
  }
  return 0;
}

int64_t Tokens::newest_generation() const noexcept {
  int64_t newest = 0;
  for (const Token& token : accepted) newest = std::max(newest, token.generation);
  return newest;
}

std::optional<int64_t> Tokens::previous_generation() const noexcept {
  const int64_t now = current_generation();
  std::optional<int64_t> previous;
  for (const Token& token : accepted) {
    if (token.generation < now && (!previous || *previous < token.generation)) previous = token.generation;
  }
  return previous;
}

Result<Tokens> read_tokens(const Json& secret) {
  Tokens tokens;
  FERRO_ASSIGN_OR_RETURN(tokens.current, data_of(secret, kTokenKey));
  FERRO_ASSIGN_OR_RETURN(const Secret lines, data_of(secret, kTokensKey));
  FERRO_ASSIGN_OR_RETURN(tokens.accepted, parse_lines(lines.reveal()));
  tokens.minted_unix = annotation_number(secret, api::kMinted);
  tokens.switched_unix = annotation_number(secret, api::kSwitched);
  tokens.requested = annotation_number(secret, api::kRequestedGeneration);
  if (tokens.current_generation() == 0) {
    return Status::invalid(
        "the value of key token is not among the lines of key tokens that have a generation");
  }
  return tokens;
}

Result<Tokens> read_foreign_tokens(const Json& secret) {
  Tokens tokens;
  FERRO_ASSIGN_OR_RETURN(const Secret current, data_of(secret, kTokenKey));
  // People make Secrets from files, which end with a line end.
  std::string_view text = current.reveal();
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  if (!is_token(text)) return Status::invalid("key token holds no single token");
  tokens.current = Secret(std::string(text));
  const auto lines = data_of(secret, kTokensKey);
  if (lines.ok()) {
    FERRO_ASSIGN_OR_RETURN(tokens.accepted, parse_lines(lines->reveal()));
  } else if (lines.status().code() != StatusCode::not_found) {
    return lines.status();
  }
  return tokens;
}

SecretContent content_of(const Tokens& tokens) {
  std::string lines;
  for (const Token& token : tokens.accepted) {
    lines += token.value.reveal();
    lines += " generation=" + std::to_string(token.generation) + "\n";
  }
  SecretContent content;
  content.data.emplace(kTokenKey, tokens.current);
  content.data.emplace(kTokensKey, Secret(std::move(lines)));
  content.annotations.emplace(api::kGeneration, std::to_string(tokens.current_generation()));
  content.annotations.emplace(api::kMinted, std::to_string(tokens.minted_unix));
  content.annotations.emplace(api::kSwitched, std::to_string(tokens.switched_unix));
  content.annotations.emplace(api::kRequestedGeneration, std::to_string(tokens.requested));
  return content;
}

Result<Tokens> minted(const Tokens& held, int64_t generation, int64_t requested, int64_t now_unix) {
  if (generation <= held.newest_generation()) {
    return Status(StatusCode::failed_precondition,
                  "a token of generation " + std::to_string(generation) + " or later exists");
  }
  Tokens made = held;
  FERRO_ASSIGN_OR_RETURN(Secret token, new_token());
  if (held.accepted.empty()) {
    made.current = token;
    made.switched_unix = now_unix;
  }
  made.accepted.push_back({std::move(token), generation});
  made.minted_unix = now_unix;
  made.requested = requested;
  return made;
}

Result<Tokens> switched(const Tokens& held, int64_t now_unix) {
  const auto newest =
      std::max_element(held.accepted.begin(), held.accepted.end(),
                       [](const Token& a, const Token& b) { return a.generation < b.generation; });
  if (newest == held.accepted.end() || same(newest->value, held.current)) {
    return Status(StatusCode::failed_precondition, "clients have the newest token already");
  }
  Tokens made = held;
  made.current = newest->value;
  made.switched_unix = now_unix;
  return made;
}

Result<Tokens> dropped(const Tokens& held) {
  const int64_t current = held.current_generation();
  if (held.newest_generation() > current) {
    return Status(StatusCode::failed_precondition, "a newer token waits for clients to get it");
  }
  Tokens made = held;
  std::erase_if(made.accepted, [current](const Token& token) { return token.generation != current; });
  return made;
}

}  // namespace ferro::oper::pki
