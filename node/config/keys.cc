#include "node/config/keys.h"

#include <algorithm>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include "common/base/limits.h"
#include "common/base/utf8.h"

namespace ferro::node::config {

namespace {

constexpr uint64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB;
constexpr uint64_t kTtlMax = limits::kTtlSecondsMax;
constexpr size_t kPathBytesMax = 4095;   // PATH_MAX without its NUL
constexpr size_t kTokenBytesMax = 4096;  // far above any token, far below http.max_header_bytes
constexpr size_t kNameBytesMax = 128;    // ids travel in JSON, labels and messages between nodes
constexpr size_t kSeedNodesMax = 1000;

bool is_scalar(const RawValue& value) {
  return value.kind == RawValue::Kind::text || value.kind == RawValue::Kind::typed;
}

std::string range_text(uint64_t low, uint64_t high) {
  return std::to_string(low) + ".." + std::to_string(high);
}

template <typename Field>
auto equality_of(Field field) {
  return [=](const Config& a, const Config& b) { return field(a) == field(b); };
}

// Each maker takes a name and an accessor that works on Config& and on const Config&, see FERRO_KEY below.

template <typename Field>
Key integer(std::string_view name, Field field, uint64_t low, uint64_t high, bool zero_too = false) {
  const auto set = [=](const RawValue& value, Config& config) {
    const auto parsed = is_scalar(value) ? parse_integer(value.text) : std::nullopt;
    if (!parsed || ((*parsed < low || *parsed > high) && !(zero_too && *parsed == 0))) return false;
    field(config) = static_cast<std::remove_reference_t<decltype(field(config))>>(*parsed);
    return true;
  };
  return {name,
          "integer",
          (zero_too ? "0 or " : "") + range_text(low, high),
          false,
          set,
          [=](const Config& config) { return std::to_string(field(config)); },
          equality_of(field)};
}

// `none` = not set.
template <typename Field>
Key optional_integer(std::string_view name, Field field, uint64_t low, uint64_t high) {
  const auto set = [=](const RawValue& value, Config& config) {
    const auto parsed = is_scalar(value) ? parse_integer(value.text) : std::nullopt;
    if (value.kind == RawValue::Kind::text && value.text == "none") {
      field(config).reset();
      return true;
    }
    if (!parsed || *parsed < low || *parsed > high) return false;
    field(config) = *parsed;
    return true;
  };
  const auto print = [=](const Config& config) {
    return field(config) ? std::to_string(*field(config)) : std::string("none");
  };
  return {name, "integer", "none or " + range_text(low, high), false, set, print, equality_of(field)};
}

template <typename Field>
Key number(std::string_view name, Field field, double low, double high) {
  const auto set = [=](const RawValue& value, Config& config) {
    const auto parsed = is_scalar(value) ? parse_number(value.text) : std::nullopt;
    if (!parsed || !(*parsed >= low && *parsed <= high)) return false;
    field(config) = *parsed;
    return true;
  };
  return {name,
          "number",
          print_number(low) + ".." + print_number(high),
          false,
          set,
          [=](const Config& config) { return print_number(field(config)); },
          equality_of(field)};
}

template <typename Field>
Key boolean(std::string_view name, Field field) {
  const auto set = [=](const RawValue& value, Config& config) {
    const auto parsed = is_scalar(value) ? parse_boolean(value.text) : std::nullopt;
    if (parsed) field(config) = *parsed;
    return parsed.has_value();
  };
  return {name,
          "boolean",
          "true or false",
          false,
          set,
          [=](const Config& config) { return std::string(field(config) ? "true" : "false"); },
          equality_of(field)};
}

template <typename Field>
Key text(std::string_view name, Field field, std::string allowed, bool (*is_allowed)(std::string_view)) {
  const auto set = [=](const RawValue& value, Config& config) {
    if (value.kind != RawValue::Kind::text || !is_allowed(value.text)) return false;
    field(config) = value.text;
    return true;
  };
  return {name,
          "text",
          std::move(allowed),
          false,
          set,
          [=](const Config& config) { return one_line(field(config)); },
          equality_of(field)};
}

template <typename Field>
Key secret(std::string_view name, Field field, std::string allowed, bool (*is_allowed)(std::string_view)) {
  const auto set = [=](const RawValue& value, Config& config) {
    if (value.kind != RawValue::Kind::text || !is_allowed(value.text)) return false;
    field(config) = Secret(value.text);
    return true;
  };
  const auto print = [=](const Config& config) {
    return std::string(field(config).empty() ? "" : Secret::kMask);
  };
  const auto equal = [=](const Config& a, const Config& b) { return field(a).reveal() == field(b).reveal(); };
  return {name, "text", std::move(allowed), true, set, print, equal};
}

template <typename Field>
Key choice(std::string_view name, Field field, std::initializer_list<std::string_view> values) {
  const std::vector<std::string_view> known(values);
  std::string allowed;
  for (const std::string_view value : known) allowed.append(allowed.empty() ? "" : ", ").append(value);
  const auto set = [=](const RawValue& value, Config& config) {
    if (value.kind != RawValue::Kind::text ||
        std::find(known.begin(), known.end(), value.text) == known.end()) {
      return false;
    }
    field(config) = value.text;
    return true;
  };
  return {name,
          "choice",
          std::move(allowed),
          false,
          set,
          [=](const Config& config) { return field(config); },
          equality_of(field)};
}

template <typename Field>
Key list(std::string_view name, Field field, std::string allowed, size_t items_max,
         bool (*is_allowed)(std::string_view)) {
  const auto set = [=](const RawValue& value, Config& config) {
    std::optional<std::vector<std::string>> items;
    if (value.kind == RawValue::Kind::list) items = value.items;
    if (value.kind == RawValue::Kind::text) items = parse_list(value.text);
    if (!items || items->size() > items_max || !std::all_of(items->begin(), items->end(), is_allowed))
      return false;
    field(config) = *std::move(items);
    return true;
  };
  return {name,
          "list",
          std::move(allowed),
          false,
          set,
          [=](const Config& config) { return print_list(field(config)); },
          equality_of(field)};
}

bool is_path(std::string_view value) {
  return !value.empty() && value.size() <= kPathBytesMax && value.find('\0') == std::string_view::npos;
}
bool is_path_or_empty(std::string_view value) {
  return value.empty() || is_path(value);
}
bool is_name(std::string_view value) {
  return is_visible_ascii(value, kNameBytesMax);
}
bool is_name_or_empty(std::string_view value) {
  return value.empty() || is_name(value);
}
bool is_address_or_empty(std::string_view value) {
  return value.empty() || is_host_and_port(value);
}
// What can arrive in an Authorization header unchanged.
bool is_token_or_empty(std::string_view value) {
  if (value.empty()) return true;
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
  return value.size() <= kTokenBytesMax && utf8_valid(value) && value.front() != ' ' && value.back() != ' ' &&
         std::none_of(value.begin(), value.end(), is_control);
}

const char* const kPathAllowed = "a path of at most 4095 bytes";
const char* const kPathOrEmptyAllowed = "empty, or a path of at most 4095 bytes";
const char* const kAddressAllowed = "empty, or host:port";

// The key's name is the path of its member in Config.
#define FERRO_KEY(path)              \
#path, [](auto& config) -> auto& { \
    return config.path;              \
  }

void add_node_keys(std::vector<Key>& keys) {
  keys.push_back(integer(FERRO_KEY(port), 0, 65'535));
  keys.push_back(text(FERRO_KEY(node_id), "empty, or 1..128 visible ASCII characters", is_name_or_empty));
  keys.push_back(text(FERRO_KEY(wal_path), kPathAllowed, is_path));
  keys.push_back(secret(FERRO_KEY(auth_token),
                        "empty, or 1..4096 bytes of text without control characters or blanks at its ends",
                        is_token_or_empty));
  keys.push_back(text(FERRO_KEY(auth_token_file), kPathOrEmptyAllowed, is_path_or_empty));
  keys.push_back(integer(FERRO_KEY(wal_batch_size), 1, 65'536));
  keys.push_back(integer(FERRO_KEY(wal_batch_timeout_ms), 0, 10'000));
  keys.push_back(integer(FERRO_KEY(compact_interval_inserts), 0, 1'000'000'000'000));
  keys.push_back(integer(FERRO_KEY(expire_scan_interval_secs), 1, 86'400));
  keys.push_back(optional_integer(FERRO_KEY(conversation_ttl_seconds), 1, kTtlMax));
  keys.push_back(optional_integer(FERRO_KEY(default_ttl_seconds), 1, kTtlMax));

  keys.push_back(integer(FERRO_KEY(hnsw.max_nb_connection), 2, 128));
  keys.push_back(integer(FERRO_KEY(hnsw.ef_construction), 1, 10'000));
  keys.push_back(integer(FERRO_KEY(hnsw.ef_search), 1, 4096));
  keys.push_back(integer(FERRO_KEY(hnsw.max_elements), 1, 100'000'000));
  keys.push_back(number(FERRO_KEY(hnsw.default_threshold), 0.0, 1.0));
  keys.push_back(optional_integer(FERRO_KEY(hnsw.max_entries_per_namespace), 1, 1'000'000'000));
  keys.push_back(choice(FERRO_KEY(index.kind), {"auto", "flat", "hnsw"}));

  keys.push_back(text(FERRO_KEY(http.bind), "an IPv4 or IPv6 address", is_ip_address));
  keys.push_back(integer(FERRO_KEY(http.threads), 0, 1024));
  keys.push_back(integer(FERRO_KEY(http.max_connections), 1, 1'000'000));
  keys.push_back(integer(FERRO_KEY(http.max_body_bytes), 64 * kKiB, kGiB));
  keys.push_back(integer(FERRO_KEY(http.max_header_bytes), 4 * kKiB, kMiB));
  keys.push_back(boolean(FERRO_KEY(http.metrics_auth)));
  keys.push_back(integer(FERRO_KEY(http.read_timeout_seconds), 1, 3600));
  keys.push_back(integer(FERRO_KEY(http.write_timeout_seconds), 1, 3600));
  keys.push_back(integer(FERRO_KEY(http.idle_timeout_seconds), 1, 86'400));
  keys.push_back(integer(FERRO_KEY(http.max_inflight_requests), 1, 1'000'000));
  keys.push_back(integer(FERRO_KEY(http.shutdown_timeout_seconds), 1, 3600));
  keys.push_back(text(FERRO_KEY(http.tls.cert_path), kPathOrEmptyAllowed, is_path_or_empty));
  keys.push_back(text(FERRO_KEY(http.tls.key_path), kPathOrEmptyAllowed, is_path_or_empty));
  keys.push_back(text(FERRO_KEY(http.tls.client_ca_path), kPathOrEmptyAllowed, is_path_or_empty));

  keys.push_back(integer(FERRO_KEY(limits.max_response_bytes), kKiB, 64 * kMiB));
  keys.push_back(integer(FERRO_KEY(limits.max_batch_items), 1, 10'000));
  keys.push_back(integer(FERRO_KEY(memory.max_bytes), 16 * kMiB, uint64_t{1} << 50, true));
  keys.push_back(integer(FERRO_KEY(wal.segment_bytes), kMiB, kGiB));
  keys.push_back(boolean(FERRO_KEY(wal.sync)));
  keys.push_back(integer(FERRO_KEY(snapshot.retention), 1, 100));
  keys.push_back(integer(FERRO_KEY(metrics.max_namespaces), 0, 10'000));
  keys.push_back(choice(FERRO_KEY(log.level), {"trace", "debug", "info", "warn", "error", "off"}));
  keys.push_back(choice(FERRO_KEY(log.format), {"auto", "text", "json"}));
}

void add_cluster_keys(std::vector<Key>& keys) {
  keys.push_back(boolean(FERRO_KEY(cluster.enabled)));
  keys.push_back(text(FERRO_KEY(cluster.id), "1..128 visible ASCII characters", is_name));
  keys.push_back(
      list(FERRO_KEY(cluster.seed_nodes), "at most 1000 items host:port", kSeedNodesMax, is_host_and_port));
  keys.push_back(text(FERRO_KEY(cluster.gossip_addr), kAddressAllowed, is_address_or_empty));
  keys.push_back(text(FERRO_KEY(cluster.api_addr), kAddressAllowed, is_address_or_empty));
  keys.push_back(integer(FERRO_KEY(cluster.virtual_nodes), 1, 4096));
  keys.push_back(integer(FERRO_KEY(cluster.replication_factor), 1, 5));
  keys.push_back(integer(FERRO_KEY(cluster.max_replication_retries), 0, 100));
  keys.push_back(number(FERRO_KEY(cluster.phi_threshold), 1.0, 100.0));
  keys.push_back(boolean(FERRO_KEY(cluster.read_repair_enabled)));
  keys.push_back(boolean(FERRO_KEY(cluster.dead_node_removal_enabled)));
  keys.push_back(choice(FERRO_KEY(cluster.write_consistency), {"one", "quorum", "all"}));
  keys.push_back(integer(FERRO_KEY(cluster.re_replicate_after_seconds), 1, 86'400));
  keys.push_back(integer(FERRO_KEY(cluster.request_timeout_ms), 10, 600'000));
  keys.push_back(integer(FERRO_KEY(cluster.hint_max_bytes), 0, uint64_t{1} << 40));
  keys.push_back(integer(FERRO_KEY(cluster.hint_max_age_seconds), 1, 2'592'000));
  keys.push_back(integer(FERRO_KEY(cluster.repair_interval_seconds), 1, 86'400));
  keys.push_back(integer(FERRO_KEY(cluster.repair_bytes_per_second), 64 * kKiB, uint64_t{1} << 40));
  keys.push_back(integer(FERRO_KEY(cluster.tombstone_retention_seconds), 1, 31'536'000));
  keys.push_back(integer(FERRO_KEY(cluster.forget_after_seconds), 1, 31'536'000));
  keys.push_back(integer(FERRO_KEY(cluster.gossip_interval_ms), 10, 60'000));
  keys.push_back(
      integer(FERRO_KEY(cluster.protocol_version_max), kProtocolVersionOldest, kProtocolVersionNewest));
  keys.push_back(integer(FERRO_KEY(cluster.split_entries), 0, 1'000'000'000));
  keys.push_back(integer(FERRO_KEY(cluster.split_bytes), 0, uint64_t{1} << 50));
  keys.push_back(boolean(FERRO_KEY(cluster.tls.enabled)));
  keys.push_back(text(FERRO_KEY(cluster.tls.ca_cert_path), kPathOrEmptyAllowed, is_path_or_empty));
  keys.push_back(text(FERRO_KEY(cluster.tls.node_cert_path), kPathOrEmptyAllowed, is_path_or_empty));
  keys.push_back(text(FERRO_KEY(cluster.tls.node_key_path), kPathOrEmptyAllowed, is_path_or_empty));
  keys.push_back(integer(FERRO_KEY(cluster.tls.internal_port), 0, 65'535));
}

#undef FERRO_KEY

// Levenshtein distance, by rows.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

}  // namespace

const std::vector<Key>& all_keys() {
  static const std::vector<Key> keys = [] {
    std::vector<Key> made;
    add_node_keys(made);
    add_cluster_keys(made);
    return made;
  }();
  return keys;
}

const Key* find_key(std::string_view name) {
  for (const Key& key : all_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::string environment_name(std::string_view key_name) {
  std::string name = "FERROCACHE_";
  for (const char c : key_name) {
    if (c == '.') {
      name += "__";
    } else {
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return name;
}

bool is_section(std::string_view name) {
  const std::string prefix = std::string(name) + ".";
  return std::any_of(all_keys().begin(), all_keys().end(),
                     [&](const Key& key) { return key.name.starts_with(prefix); });
}

std::string_view closest_key(std::string_view mistyped) {
  constexpr size_t kBytesMax = 64;  // longer than any key: no need to measure
  if (mistyped.size() > kBytesMax) return {};
  const size_t mistakes_max = std::min<size_t>(3, mistyped.size() / 3);  // "foo" is not a mistyped "port"
  std::string_view best;
  size_t best_distance = mistakes_max + 1;
  for (const Key& key : all_keys()) {
    const size_t distance = edit_distance(mistyped, key.name);
    if (distance < best_distance) {
      best = key.name;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace ferro::node::config
