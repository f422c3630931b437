// Files that people write: the first byte says which parser reads the rest. TOML and YAML settings must come
// out as a list that the table of keys can judge, with messages of one line; a token file as a set that knows
// its own tokens.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "node/config/keys.h"
#include "node/config/sources.h"
#include "node/security/tokens.h"

namespace {

using namespace ferro;
using node::config::Config;
using node::config::Setting;

void check_settings(const Result<std::vector<Setting>>& settings) {
  if (!settings.ok()) {
    FERRO_ASSERT(settings.status().message().find('\n') == std::string::npos,
                 "a message of more than one line");
    return;
  }
  FERRO_ASSERT(settings->size() <= node::config::kFileSettingsMax, "more settings than allowed");
  Config config;
  for (const Setting& setting : *settings) {
    const node::config::Key* const key = node::config::find_key(setting.key);
    if (key == nullptr || !key->set(setting.value, config)) continue;
    // What was taken can be printed and taken again, unless it is a secret.
    const std::string printed = key->print(config);
    FERRO_ASSERT(printed.find('\n') == std::string::npos, "a printed value of more than one line");
    Config again;
    if (key->secret || printed.find('\\') != std::string::npos) continue;
    FERRO_ASSERT(key->set(node::config::RawValue::of_text(printed), again),
                 "a printed value is not read back");
    FERRO_ASSERT(key->equal(config, again), "a printed value reads back as another");
  }
}

void check_tokens(std::string_view text) {
  const auto set = node::security::TokenSet::parse(text, Secret("extra"));
  if (!set.ok()) return;
  FERRO_ASSERT(set->find("extra") != nullptr, "auth_token is lost");
  FERRO_ASSERT(set->find("") == nullptr, "an empty token is let in");
  // Whatever stands first in a line is known, if it is no comment.
  const std::string_view first = text.substr(0, text.find_first_of(" \t\r\n"));
  if (!first.empty() && first.front() != '#' && !first.starts_with("\xEF\xBB\xBF")) {
    FERRO_ASSERT(set->find(first) != nullptr, "the first token is lost");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > node::config::kFileBytesMax) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      check_settings(node::config::parse_toml(text, "fuzz.toml"));
      break;
    case 1:
      check_settings(node::config::parse_yaml(text, "fuzz.yaml"));
      break;
    default:
      check_tokens(text);
      break;
  }
  return 0;
}
