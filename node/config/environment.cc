#include <algorithm>
#include <array>
#include <string_view>

#include "node/config/keys.h"
#include "node/config/sources.h"

namespace ferro::node::config {

namespace {

constexpr std::string_view kPrefix = "FERROCACHE_";
// Read by the clients, which often run with the same environment.
constexpr std::array<std::string_view, 4> kClientNames{"URL", "THRESHOLD", "EMBED_MODEL", "DATA_DIR"};

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_protocol(std::string_view text) {
  return text == "TCP" || text == "UDP" || text == "SCTP";
}

// `3000_TCP`, `3000_TCP_ADDR`, `3000_TCP_PORT`, `3000_TCP_PROTO`
bool is_port_detail(std::string_view text) {
  for (const std::string_view ending : {"_ADDR", "_PORT", "_PROTO"}) {
    if (text.ends_with(ending)) {
      text.remove_suffix(ending.size());
      break;
    }
  }
  const size_t underscore = text.find('_');
  return underscore != std::string_view::npos && is_digits(text.substr(0, underscore)) &&
         is_protocol(text.substr(underscore + 1));
}

// Kubernetes puts variables into every container for each Service of its namespace ("service links"). For one
// called `ferrocache`, or `ferrocache-something` (then SOMETHING_ stands first), their names look like
// settings.
bool is_service_link(std::string_view name, std::string_view value) {
  if (name.starts_with("SERVICE_") || name.find("_SERVICE_") != std::string_view::npos) {
    const std::string_view detail = name.substr(name.rfind("SERVICE_") + std::string_view("SERVICE_").size());
    if (detail == "HOST" || detail == "PORT" || detail.starts_with("PORT_")) return true;
  }
  if (name == "PORT" || name.ends_with("_PORT")) {
    for (const std::string_view scheme : {"tcp://", "udp://", "sctp://"}) {
      if (value.starts_with(scheme)) return true;
    }
  }
  const size_t port = name.starts_with("PORT_") ? 0 : name.find("_PORT_");
  if (port == std::string_view::npos) return false;
  return is_port_detail(name.substr(name.find("PORT_", port) + std::string_view("PORT_").size()));
}

// The key that a variable means if its name is right, or would mean: `hnsw.ef_search` for HNSW__EF_SEARCH.
std::string key_of(std::string_view name) {
  std::string key;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i, 2) == "__") {
      key += '.';
      ++i;
    } else {
      key += name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    }
  }
  return key;
}

}  // namespace

std::vector<Setting> settings_of(const Environment& environment) {
  std::vector<Setting> settings;
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with(kPrefix)) continue;
    const std::string_view name = std::string_view(variable).substr(kPrefix.size());
    if (std::find(kClientNames.begin(), kClientNames.end(), name) != kClientNames.end()) continue;
    const std::string key = key_of(name);
    const bool exact = find_key(key) != nullptr && environment_name(key) == variable;
    if (is_service_link(name, value) && !(exact && key != "port")) continue;
    // A name that is not spelled as the key's is no key: FERROCACHE_Port.
    settings.push_back({exact ? key : variable, RawValue::of_text(value), Source::environment,
                        "environment " + one_line(variable)});
  }
  return settings;
}

}  // namespace ferro::node::config
