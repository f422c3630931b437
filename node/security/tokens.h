// Who may do what: bearer tokens with roles, fixed scopes and generations.
//
// TokenSet is an immutable value; TokenSource owns the current one and swaps it when the mounted file changes. Thread
// rule: `TokenSource::current` from any thread; `poll` from one thread (app's timer).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::node::security {

enum class Role : uint8_t { read = 1, write = 2, admin = 3 };  // each includes the former

struct Identity {
  Role role = Role::admin;
  std::optional<std::string> scope;  // fixed cache_scope
  uint64_t generation = 0;
};

class TokenSet {
 public:
  TokenSet() = default;
  // The token file's text: `TOKEN [role=read|write|admin] [scope=NAME] [generation=N]`, `#` comments. The error names
  // the line, never the token. `extra` (auth_token) is added as an unscoped admin.
  static Result<TokenSet> parse(std::string_view file_text, const Secret& extra);

  // Constant time in the token's content, whatever matches or not. Null = nobody.
  const Identity* find(std::string_view presented) const noexcept;
  size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string digest;  // SHA-256: equal lengths to compare, and no token kept in memory
    Identity identity;
  };
  std::vector<Entry> entries_;
};

class TokenSource {
 public:
  // Neither token nor file: authentication is off. A file missing now is an error that refuses the start.
  static Result<std::unique_ptr<TokenSource>> open(Secret auth_token, std::string file);

  bool enabled() const noexcept { return enabled_; }
  std::shared_ptr<const TokenSet> current() const;
  // Re-reads the file if it changed by rename, in place or by symlink swap; a bad or missing one keeps the last good
  // set and is the returned error. Returns true when a new set came into force.
  Result<bool> poll();
  bool last_poll_failed() const noexcept { return last_poll_failed_.load(); }
  uint64_t reloads() const noexcept { return reloads_.load(); }

 private:
  TokenSource() = default;
  Secret auth_token_;
  std::string file_;
  bool enabled_ = false;
  std::string last_text_digest_;
  std::atomic<bool> last_poll_failed_{false};
  std::atomic<uint64_t> reloads_{0};
  mutable std::mutex mutex_;  // guards current_
  std::shared_ptr<const TokenSet> current_;
};

}  // namespace ferro::node::security
