#include "node/security/tokens.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/io/small_file.h"

namespace ferro::node::security {

namespace {

// Errors say what is wrong with a line without showing it: any word of it may be (a part of) a token.
Status line_error(size_t number, std::string_view what) {
  return Status::invalid("line " + std::to_string(number) + ": " + std::string(what));
}

bool is_clean_text(std::string_view text) {
  return utf8_valid(text) &&
         std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

// The words of a line up to a comment: a `#` that begins a word.
std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos || line[begin] == '#') return words;
    line.remove_prefix(begin);
    words.push_back(line.substr(0, line.find_first_of(kBlanks)));
    line.remove_prefix(words.back().size());
  }
}

std::optional<Role> parse_role(std::string_view name) {
  if (name == "read") return Role::read;
  if (name == "write") return Role::write;
  if (name == "admin") return Role::admin;
  return std::nullopt;
}

// A scope that no request could name would lock its token out, or in.
bool is_scope(std::string_view name) {
  return !name.empty() && name.size() <= limits::kScopeBytesMax && is_clean_text(name) &&
         !name.starts_with("conv_");
}

std::optional<uint64_t> parse_generation(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Identity> parse_identity(const std::vector<std::string_view>& words, size_t line) {
  Identity identity;
  bool has_role = false, has_generation = false;
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string_view name = words[i].substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : words[i].substr(equals + 1);
    if (name == "role" && equals != std::string_view::npos) {
      const auto role = parse_role(value);
      if (!role) return line_error(line, "role must be read, write or admin");
      if (std::exchange(has_role, true)) return line_error(line, "role is given twice");
      identity.role = *role;
    } else if (name == "scope" && equals != std::string_view::npos) {
      if (!is_scope(value))
        return line_error(line, "scope must be 1..256 bytes of text and not begin with conv_");
      if (identity.scope) return line_error(line, "scope is given twice");
      identity.scope = std::string(value);
    } else if (name == "generation" && equals != std::string_view::npos) {
      const auto generation = parse_generation(value);
      if (!generation) return line_error(line, "generation must be a whole number");
      if (std::exchange(has_generation, true)) return line_error(line, "generation is given twice");
      identity.generation = *generation;
    } else {
      return line_error(line, "after the token only role=, scope= and generation= may stand");
    }
  }
  return identity;
}

// An in-place write is not atomic: it empties the file first, and a reader may see any beginning of the new
// text.
bool may_be_partial(std::string_view text) {
  return text.empty() || text.back() != '\n';
}

}  // namespace

Result<TokenSet> TokenSet::parse(std::string_view file_text, const Secret& extra) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (file_text.starts_with(kByteOrderMark)) file_text.remove_prefix(kByteOrderMark.size());
  TokenSet set;
  std::map<crypto::Sha256Digest, std::pair<size_t, Identity>> seen;  // with the line
  for (size_t number = 1; !file_text.empty(); ++number) {
    const std::string_view line = file_text.substr(0, file_text.find('\n'));
    file_text.remove_prefix(std::min(file_text.size(), line.size() + 1));
    const auto words = words_of(line);
    if (words.empty()) continue;
    const std::string_view token = words.front();
    if (token.size() > kTokenBytesMax || !is_clean_text(token)) {
      return line_error(number, "a token must be 1..4096 bytes of text without control characters");
    }
    FERRO_ASSIGN_OR_RETURN(Identity identity, parse_identity(words, number));
    const crypto::Sha256Digest digest = crypto::sha256(as_bytes(token));
    const auto [other, is_new] = seen.try_emplace(digest, number, identity);
    if (!is_new && !(other->second.second == identity)) {
      return line_error(
          number, "the token of line " + std::to_string(other->second.first) + " again, with other rights");
    }
    if (!is_new) continue;
    if (set.entries_.size() == kTokensMax) return line_error(number, "more than 10000 tokens");
    set.add(digest, std::move(identity));
  }
  if (!extra.empty()) {
    const crypto::Sha256Digest digest = crypto::sha256(as_bytes(extra.reveal()));
    if (!seen.contains(digest)) set.add(digest, Identity{});
  }
  return set;
}

void TokenSet::add(const crypto::Sha256Digest& digest, Identity identity) {
  const auto place = std::lower_bound(generations_.begin(), generations_.end(), identity.generation,
                                      [](const Generation& g, uint64_t number) { return g.number < number; });
  if (place != generations_.end() && place->number == identity.generation) {
    ++place->tokens;
  } else {
    generations_.insert(place, {identity.generation, 1, std::make_shared<std::atomic<int64_t>>(0)});
  }
  entries_.push_back({digest, std::move(identity)});
}

const Identity* TokenSet::find(std::string_view presented) const noexcept {
  if (presented.empty() || presented.size() > kTokenBytesMax) return nullptr;
  const crypto::Sha256Digest digest = crypto::sha256(as_bytes(presented));
  const Identity* found = nullptr;
  for (const Entry& entry : entries_) {
    if (crypto::digests_equal(entry.digest, digest)) found = &entry.identity;  // and goes on
  }
  return found;
}

uint64_t TokenSet::newest_generation() const noexcept {
  return generations_.empty() ? 0 : generations_.back().number;
}

void TokenSet::note_use(const Identity& identity, int64_t now_unix) const noexcept {
  for (const Generation& generation : generations_) {
    if (generation.number != identity.generation) continue;
    std::atomic<int64_t>& last = *generation.last_used_unix;
    // Most requests of a second only read, so that cores do not fight for the line.
    if (last.load(std::memory_order_relaxed) < now_unix) last.store(now_unix, std::memory_order_relaxed);
    return;
  }
}

std::vector<GenerationUse> TokenSet::generations() const {
  std::vector<GenerationUse> uses;
  uses.reserve(generations_.size());
  for (const Generation& generation : generations_) {
    uses.push_back(
        {generation.number, generation.tokens, generation.last_used_unix->load(std::memory_order_relaxed)});
  }
  return uses;
}

void TokenSet::keep_uses_of(const TokenSet& former) {
  auto old = former.generations_.begin();
  for (Generation& generation : generations_) {
    while (old != former.generations_.end() && old->number < generation.number) ++old;
    if (old == former.generations_.end()) return;
    if (old->number == generation.number) generation.last_used_unix = old->last_used_unix;
  }
}

Result<std::unique_ptr<TokenSource>> TokenSource::open(Secret auth_token, std::string file) {
  auto source = std::unique_ptr<TokenSource>(new TokenSource);
  source->auth_token_ = std::move(auth_token);
  source->file_ = std::move(file);
  source->enabled_ = !source->auth_token_.empty() || !source->file_.empty();
  Secret text;
  if (!source->file_.empty()) {
    auto content = io::read_small_file(source->file_, kFileBytesMax);
    if (!content.ok()) return content.status().with_context("auth_token_file");
    text = Secret(*std::move(content));
  }
  auto set = TokenSet::parse(text.reveal(), source->auth_token_);
  if (!set.ok()) return set.status().with_context("auth_token_file: " + source->file_);
  source->in_force_ = crypto::sha256(as_bytes(text.reveal()));
  source->current_ = std::make_shared<const TokenSet>(*std::move(set));
  return source;
}

std::shared_ptr<const TokenSet> TokenSource::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Result<bool> TokenSource::poll() {
  if (file_.empty()) return false;
  auto changed = read_and_compare();
  last_poll_failed_ = !changed.ok();
  if (!changed.ok()) return changed.status().with_context("auth_token_file");
  return changed;
}

Result<bool> TokenSource::read_and_compare() {
  const std::optional<crypto::Sha256Digest> seen_before = std::exchange(maybe_partial_, std::nullopt);
  FERRO_ASSIGN_OR_RETURN(std::string content, io::read_small_file(file_, kFileBytesMax));
  const Secret text(std::move(content));
  const crypto::Sha256Digest digest = crypto::sha256(as_bytes(text.reveal()));
  if (digest == in_force_) return false;
  if (may_be_partial(text.reveal()) && seen_before != digest) {
    maybe_partial_ = digest;
    return false;
  }
  auto set = TokenSet::parse(text.reveal(), auth_token_);
  if (!set.ok()) {
    maybe_partial_ = digest;  // complete, but wrong: say so at every poll
    return set.status().with_context(file_);
  }
  set->keep_uses_of(*current());
  auto next = std::make_shared<const TokenSet>(*std::move(set));
  in_force_ = digest;
  ++reloads_;
  const std::lock_guard lock(mutex_);
  current_ = std::move(next);
  return true;
}

}  // namespace ferro::node::security
