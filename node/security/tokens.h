// Who may do what: bearer tokens with roles, fixed scopes and generations. docs/security.md, "Tokens".
//
// TokenSet is an immutable value, apart from when each generation was last used; TokenSource owns the current
// one and swaps it when the mounted file changes. Thread rule: `TokenSource::current` and what its set offers
// from any thread; `poll` from one thread (app's timer).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/crypto/digest.h"

namespace ferro::node::security {

enum class Role : uint8_t { read = 1, write = 2, admin = 3 };  // each includes the former

struct Identity {
  Role role = Role::admin;
  std::optional<std::string> scope;  // fixed cache_scope
  uint64_t generation = 0;           // 0 = the line names none
  friend bool operator==(const Identity&, const Identity&) = default;
};

// What an operator looks at before it takes away the former tokens of a rotation.
struct GenerationUse {
  uint64_t generation = 0;
  size_t tokens = 0;
  int64_t last_used_unix = 0;  // 0 = not since the node started
  friend bool operator==(const GenerationUse&, const GenerationUse&) = default;
};

class TokenSet {
 public:
  // Longer ones are nobody's: what is hashed for a stranger is bounded.
  static constexpr size_t kTokenBytesMax = 4096;
  // Every request is compared with all of them: 10,000 take some ten microseconds.
  static constexpr size_t kTokensMax = 10'000;

  TokenSet() = default;
  // The token file's text: `TOKEN [role=read|write|admin] [scope=NAME] [generation=N]`, `#` comments. The
  // error names the line, never its content. `extra` (auth_token) is added as an unscoped admin unless a line
  // has it: a line says more. A token may stand in several lines if they say the same.
  static Result<TokenSet> parse(std::string_view file_text, const Secret& extra);

  // Constant time in the token's content, whatever matches or not. Null = nobody. Valid as long as the set.
  const Identity* find(std::string_view presented) const noexcept;
  size_t size() const noexcept { return entries_.size(); }
  // The highest generation among the tokens; 0 if none names one. Operators wait for it during a rotation.
  uint64_t newest_generation() const noexcept;

  // A request came with a token of this identity. Exact to the second; costs a write at most once a second.
  void note_use(const Identity& identity, int64_t now_unix) const noexcept;
  std::vector<GenerationUse> generations() const;  // rising; 0 = tokens that name none
  // What was noted for the same generations there is, and stays, noted here.
  void keep_uses_of(const TokenSet& former);

 private:
  struct Generation {
    uint64_t number = 0;
    size_t tokens = 0;
    std::shared_ptr<std::atomic<int64_t>> last_used_unix;
  };
  void add(const crypto::Sha256Digest& digest, Identity identity);

  struct Entry {
    crypto::Sha256Digest digest{};  // equal lengths to compare, and no token kept in memory
    Identity identity;
  };
  std::vector<Entry> entries_;
  std::vector<Generation> generations_;  // rising
};

class TokenSource {
 public:
  static constexpr size_t kFileBytesMax = 2 << 20;  // kTokensMax lines of 200 bytes

  // Neither token nor file: authentication is off. A file that is missing or wrong now is an error that
  // refuses the start.
  static Result<std::unique_ptr<TokenSource>> open(Secret auth_token, std::string file);

  bool enabled() const noexcept { return enabled_; }
  std::shared_ptr<const TokenSet> current() const;
  // Re-reads the file and compares its content, so a rename, an in-place write and a symlink swap are all
  // seen. A bad or missing file keeps the last good set and is the returned error. Returns true when a new
  // set came into force. Content that may be half written (empty, or without a line end at its end) comes
  // into force when two polls in a row saw it: call every second or two.
  Result<bool> poll();
  bool last_poll_failed() const noexcept { return last_poll_failed_.load(); }
  uint64_t reloads() const noexcept { return reloads_.load(); }

 private:
  TokenSource() = default;
  Result<bool> read_and_compare();

  Secret auth_token_;
  std::string file_;
  bool enabled_ = false;
  crypto::Sha256Digest in_force_{};                    // digest of the text that `current_` was made from
  std::optional<crypto::Sha256Digest> maybe_partial_;  // seen once, waiting to be seen again
  std::atomic<bool> last_poll_failed_{false};
  std::atomic<uint64_t> reloads_{0};
  mutable std::mutex mutex_;  // guards current_
  std::shared_ptr<const TokenSet> current_ = std::make_shared<const TokenSet>();
};

}  // namespace ferro::node::security
