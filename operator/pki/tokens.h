// The clients' tokens of one cluster, as the Secret NAME-token holds them, and the steps of a rotation: mint
// (both accepted), switch (clients get the new one), drop (the old one ends). Values; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/pki/secret_json.h"

namespace ferro::oper::pki {

inline constexpr std::string_view kTokenKey = "token", kTokensKey = "tokens";
inline constexpr size_t kTokenBytes = 32;  // of randomness; 43 characters
// A node accepts no more and no longer ones (docs/security.md).
inline constexpr size_t kTokensMax = 10'000, kTokenCharactersMax = 4096;

struct Token {
  Secret value;
  int64_t generation = 0;
};

struct Tokens {
  Secret current;               // what clients send
  std::vector<Token> accepted;  // what nodes accept
  int64_t minted_unix = 0;      // of the newest
  int64_t switched_unix = 0;    // when `current` became the newest
  int64_t requested = 0;        // spec.auth.rotateGeneration acted on

  int64_t current_generation() const noexcept;  // 0 if the current one is not among the accepted
  int64_t newest_generation() const noexcept;   // 0 if none is accepted
  std::optional<int64_t> previous_generation() const noexcept;  // the newest accepted one below the current
};

// Ours: invalid_argument, naming key and line and never content, if it cannot be read, or clients get a token
// that nodes refuse.
Result<Tokens> read_tokens(const Json& secret);
// A user's, who may have written `token` alone, or lines with roles and scopes.
Result<Tokens> read_foreign_tokens(const Json& secret);
SecretContent content_of(const Tokens& tokens);

// A new token of this generation beside what is held; the first one is current at once.
// failed_precondition if a generation that high exists.
Result<Tokens> minted(const Tokens& held, int64_t generation, int64_t requested, int64_t now_unix);
// Clients get the newest. failed_precondition if they do already.
Result<Tokens> switched(const Tokens& held, int64_t now_unix);
// Only the current one is accepted. failed_precondition while a newer one waits for its switch.
Result<Tokens> dropped(const Tokens& held);

}  // namespace ferro::oper::pki
