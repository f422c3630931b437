#include "node/model/namespace_key.h"

#include <xxhash.h>

#include <algorithm>

#include "common/base/limits.h"
#include "node/model/text.h"

namespace ferro::node::model {

namespace {

constexpr std::string_view kSeparator = "::";
constexpr std::string_view kConversationPrefix = "conv_";

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void append_percent(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<uint8_t>(c);
  out.push_back('%');
  out.push_back(kHex[byte >> 4]);
  out.push_back(kHex[byte & 15]);
}

// Where the usual dimension suffix `::<digits>` of a model begins; its size if it has none.
size_t dimension_suffix(std::string_view model) noexcept {
  const size_t at = model.rfind(kSeparator);
  return at != std::string_view::npos && all_digits(model.substr(at + 2)) ? at : model.size();
}

// A `%` stays as it is unless it would read as one of the two codes that encoding a model produces.
bool reads_as_code(std::string_view rest) noexcept {
  return rest.starts_with("%3A") || rest.starts_with("%25");
}

void append_model(std::string_view model, std::string& out) {
  const size_t suffix = dimension_suffix(model);
  for (size_t i = 0; i < suffix; ++i) {
    const bool touches = i == 0 || model[i - 1] == ':' || i + 1 == model.size() || model[i + 1] == ':';
    if ((model[i] == ':' && touches) || reads_as_code(model.substr(i))) {
      append_percent(model[i], out);
    } else {
      out.push_back(model[i]);
    }
  }
  out.append(model.substr(suffix));
}

void append_part(std::string_view part, bool encode_first, std::string& out) {
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '%' || part[i] == ':' || (i == 0 && encode_first)) {
      append_percent(part[i], out);
    } else {
      out.push_back(part[i]);
    }
  }
}

std::string decode_model(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (reads_as_code(text.substr(i))) {
      out.push_back(text[i + 1] == '3' ? ':' : '%');
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A malformed code is kept as it stands: the name then fails the comparison with what the key prints.
std::string decode_part(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Status check_part(std::string_view name, std::string_view value, size_t bytes_max) {
  if (!is_valid_utf8(value)) return Status::invalid(std::string(name) + " must be valid UTF-8");
  if (value.size() > bytes_max) {
    return Status::invalid(std::string(name) + " must have at most " + std::to_string(bytes_max) +
                           " bytes, not " + std::to_string(value.size()));
  }
  return {};
}

}  // namespace

size_t NamespaceKeyHash::operator()(const NamespaceKey& key) const noexcept {
  // Chained through the seed, so that moving bytes from one part to the next changes the hash.
  const XXH64_hash_t model = XXH3_64bits(key.model_id.data(), key.model_id.size());
  const XXH64_hash_t scope = XXH3_64bits_withSeed(key.scope.data(), key.scope.size(), model);
  return XXH3_64bits_withSeed(key.conversation.data(), key.conversation.size(), scope + 1);
}

Status check_namespace_key(const NamespaceKey& key) {
  if (key.model_id.empty()) return Status::invalid("model_id must not be empty");
  FERRO_RETURN_IF_ERROR(check_part("model_id", key.model_id, limits::kModelIdBytesMax));
  FERRO_RETURN_IF_ERROR(check_part("cache_scope", key.scope, limits::kScopeBytesMax));
  FERRO_RETURN_IF_ERROR(check_part("conversation_id", key.conversation, limits::kConversationBytesMax));
  if (trim(key.scope).size() != key.scope.size()) return Status::invalid("cache_scope is not trimmed");
  if (trim(key.conversation).size() != key.conversation.size()) {
    return Status::invalid("conversation_id is not trimmed");
  }
  return {};
}

Result<NamespaceKey> make_namespace_key(std::string_view model_id, std::string_view scope,
                                        std::string_view conversation) {
  NamespaceKey key{std::string(model_id), std::string(trim(scope)), std::string(trim(conversation))};
  FERRO_RETURN_IF_ERROR(check_namespace_key(key));
  if (key.scope.starts_with(kConversationPrefix)) {
    return Status::invalid("cache_scope must not begin with conv_: name a conversation in conversation_id");
  }
  return key;
}

std::string printed_name(const NamespaceKey& key) {
  std::string out;
  append_model(key.model_id, out);
  if (!key.scope.empty()) {
    out.append(kSeparator);
    append_part(key.scope, all_digits(key.scope) || key.scope.starts_with(kConversationPrefix), out);
  }
  if (!key.conversation.empty()) {
    out.append(kSeparator).append(kConversationPrefix);
    append_part(key.conversation, false, out);
  }
  return out;
}

Result<NamespaceKey> parse_printed_name(std::string_view name) {
  std::string_view rest = name;
  // Takes what stands before the next separator.
  const auto take = [&rest]() {
    const size_t end = rest.find(kSeparator);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(part.size());
    return part;
  };
  // What follows the next separator, up to the one after it.
  const auto peek = [&rest]() {
    const std::string_view after = rest.substr(std::min(rest.size(), kSeparator.size()));
    return after.substr(0, after.find(kSeparator));
  };
  const auto skip = [&rest](std::string_view part) { rest.remove_prefix(kSeparator.size() + part.size()); };

  NamespaceKey key;
  key.model_id = decode_model(take());
  if (const std::string_view digits = peek(); all_digits(digits)) {
    key.model_id.append(kSeparator).append(digits);
    skip(digits);
  }
  if (const std::string_view scope = peek(); !scope.empty() && !scope.starts_with(kConversationPrefix)) {
    key.scope = decode_part(scope);
    skip(scope);
  }
  if (const std::string_view conversation = peek(); conversation.starts_with(kConversationPrefix)) {
    key.conversation = decode_part(conversation.substr(kConversationPrefix.size()));
    skip(conversation);
  }
  if (!check_namespace_key(key).ok() || printed_name(key) != name) {
    return Status::invalid("this is not the printed name of a namespace");
  }
  return key;
}

}  // namespace ferro::node::model
