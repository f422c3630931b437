// Every key, through every source, with good values and bad ones.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "node/config/config.h"
#include "node/config/keys.h"
#include "tests/unit/node/config/folder.h"

namespace ferro::node::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A good value of each key that is not its default.
const std::map<std::string_view, std::string>& samples() {
  static const std::map<std::string_view, std::string> values{
      {"port", "4000"},
      {"node_id", "node-7"},
      {"wal_path", "/var/lib/ferrocache"},
      {"auth_token", "0071"},
      {"auth_token_file", "/etc/ferrocache/tokens"},
      {"wal_batch_size", "17"},
      {"wal_batch_timeout_ms", "5"},
      {"compact_interval_inserts", "0"},
      {"expire_scan_interval_secs", "7"},
      {"conversation_ttl_seconds", "3600"},
      {"default_ttl_seconds", "86400"},
      {"hnsw.max_nb_connection", "24"},
      {"hnsw.ef_construction", "100"},
      {"hnsw.ef_search", "128"},
      {"hnsw.max_elements", "5000"},
      {"hnsw.default_threshold", "0.875"},
      {"hnsw.max_entries_per_namespace", "1000"},
      {"index.kind", "hnsw"},
      {"http.bind", "127.0.0.1"},
      {"http.threads", "3"},
      {"http.max_connections", "50"},
      {"http.max_body_bytes", "1048576"},
      {"http.max_header_bytes", "8192"},
      {"http.metrics_auth", "true"},
      {"http.read_timeout_seconds", "11"},
      {"http.write_timeout_seconds", "12"},
      {"http.idle_timeout_seconds", "13"},
      {"http.max_inflight_requests", "99"},
      {"http.shutdown_timeout_seconds", "14"},
      {"http.tls.cert_path", "/tls/tls.crt"},
      {"http.tls.key_path", "/tls/tls.key"},
      {"http.tls.client_ca_path", "/tls/ca.crt"},
      {"limits.max_response_bytes", "2048"},
      {"limits.max_batch_items", "10"},
      {"memory.max_bytes", "33554432"},
      {"wal.segment_bytes", "1048576"},
      {"wal.sync", "false"},
      {"snapshot.retention", "5"},
      {"metrics.max_namespaces", "10"},
      {"log.level", "debug"},
      {"log.format", "json"},
      {"cluster.enabled", "true"},
      {"cluster.id", "prod"},
      {"cluster.seed_nodes", "a:1,b:2"},
      {"cluster.gossip_addr", "10.0.0.1:7000"},
      {"cluster.api_addr", "node-7.svc:3000"},
      {"cluster.virtual_nodes", "32"},
      {"cluster.replication_factor", "3"},
      {"cluster.max_replication_retries", "1"},
      {"cluster.phi_threshold", "9.5"},
      {"cluster.read_repair_enabled", "false"},
      {"cluster.dead_node_removal_enabled", "false"},
      {"cluster.write_consistency", "quorum"},
      {"cluster.re_replicate_after_seconds", "60"},
      {"cluster.request_timeout_ms", "250"},
      {"cluster.hint_max_bytes", "1024"},
      {"cluster.hint_max_age_seconds", "60"},
      {"cluster.repair_interval_seconds", "5"},
      {"cluster.repair_bytes_per_second", "1048576"},
      {"cluster.tombstone_retention_seconds", "7200"},
      {"cluster.forget_after_seconds", "600"},
      {"cluster.gossip_interval_ms", "100"},
      {"cluster.protocol_version_max", "2"},
      {"cluster.split_entries", "1000"},
      {"cluster.split_bytes", "4096"},
      {"cluster.tls.enabled", "true"},
      {"cluster.tls.ca_cert_path", "/c/ca"},
      {"cluster.tls.node_cert_path", "/c/crt"},
      {"cluster.tls.node_key_path", "/c/key"},
      {"cluster.tls.internal_port", "5000"},
  };
  return values;
}

class EveryKey : public InFolder {
 protected:
  static void expect_in_force(const Result<Invocation>& loaded, const Key& key, const std::string& source) {
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    const std::string shown = key.secret ? std::string(Secret::kMask) : samples().at(key.name);
    EXPECT_THAT(loaded->printed, HasSubstr(std::string(key.name) + " = " + shown + "  # " + source + "\n"));
    EXPECT_THAT(changed_keys(Config(), loaded->config), testing::ElementsAre(std::string(key.name)));
  }
};

TEST_F(EveryKey, HasASample) {
  ASSERT_EQ(all_keys().size(), samples().size());
  for (const Key& key : all_keys()) EXPECT_TRUE(samples().contains(key.name)) << key.name;
}

TEST_F(EveryKey, ThroughFileEnvironmentAndCommandLine) {
  for (const Key& key : all_keys()) {
    SCOPED_TRACE(key.name);
    const std::string name(key.name), value = samples().at(key.name);
    expect_in_force(load({"--print-config", "--" + name + "=" + value}, {}), key, "command line");
    expect_in_force(load({"--" + name, value, "--print-config"}, {}), key, "command line");
    expect_in_force(load({"--print-config"}, {{environment_name(key.name), value}}), key, "environment");

    const bool quoted = key.type == "text" || key.type == "choice" || key.type == "list";
    write("a.toml", name + " = " + (quoted ? '"' + value + '"' : value) + "\n");
    expect_in_force(load({"--print-config", "--config=a.toml"}, {}), key, "file");
    write("a.yaml", name + ": " + value + "\n");
    expect_in_force(load({"--print-config", "--config=a.yaml"}, {}), key, "file");
    // Nested, the usual way to write it.
    std::string nested, indent, rest = name;
    for (size_t point; (point = rest.find('.')) != std::string::npos; rest.erase(0, point + 1)) {
      nested += indent + rest.substr(0, point) + ":\n";
      indent += "  ";
    }
    write("b.yaml", nested + indent + rest + ": '" + value + "'\n");
    expect_in_force(load({"--print-config", "--config=b.yaml"}, {}), key, "file");
  }
}

TEST_F(EveryKey, PrintsItsDefaultAndOneLineEach) {
  const std::string printed = load({"--print-config"}, {})->printed;
  EXPECT_EQ(static_cast<size_t>(std::count(printed.begin(), printed.end(), '\n')), all_keys().size());
  for (const Key& key : all_keys()) {
    EXPECT_THAT(printed, HasSubstr(std::string(key.name) + " = " + key.print(Config()) + "  # default\n"));
  }
}

// What is printed is read back as the same, so that a printed configuration can be kept as a file or as
// flags.
TEST_F(EveryKey, PrintedDefaultsReadBack) {
  for (const Key& key : all_keys()) {
    const auto loaded =
        load({"--print-config", "--" + std::string(key.name) + "=" + key.print(Config())}, {});
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    EXPECT_THAT(changed_keys(Config(), loaded->config), testing::IsEmpty()) << key.name;
  }
}

std::vector<std::string> bad_values(const Key& key) {
  if (key.type == "boolean") return {"", "2", "maybe", "true ", "tru", "00"};
  if (key.type == "choice") return {"", "AUTO", "x", " info", "none"};
  if (key.type == "integer")
    return {"", "x", "-1", "+1", "1.5", "1e3", " 7", "7 ", "0x10", "1_000", "99999999999999999999"};
  if (key.type == "number") return {"", "x", "nan", "inf", "-0.5", "1e400", "0.5 ", "1,5"};
  if (key.type == "list") return {"a", "a:", ":1", "a:0", "a:65536", "a:1,", "a b:1", "[::1]", "[x]:1"};
  if (key.name == "wal_path") return {"", std::string(5000, 'p'), std::string("a\0b", 3)};
  if (key.name == "http.bind") return {"", "localhost", "1.2.3", "1.2.3.4:5", "::g", std::string("::\0x", 4)};
  if (key.name == "auth_token") return {" a", "a ", "a\tb", std::string(5000, 't'), "\xff"};
  if (key.name == "cluster.id") return {"", "a b", "\xc3\xa4", std::string(129, 'i')};
  if (key.name == "node_id") return {"a b", "a\nb", std::string(129, 'i')};
  if (key.name == "cluster.gossip_addr" || key.name == "cluster.api_addr")
    return {"a", "a:x", "a:0", "http://a:1"};
  return {std::string(5000, 'p'), std::string("a\0b", 3)};  // paths
}

TEST_F(EveryKey, RefusesBadValuesNamingTheRange) {
  for (const Key& key : all_keys()) {
    for (const std::string& bad : bad_values(key)) {
      const auto loaded = load({}, {{environment_name(key.name), bad}});
      ASSERT_FALSE(loaded.ok()) << key.name << "=" << bad;
      EXPECT_THAT(loaded.status().message(),
                  AllOf(HasSubstr(std::string(key.name) + ": "), HasSubstr("allowed: " + key.allowed)));
    }
  }
}

// The ends of each range are allowed and their neighbours are not: the text that people read is what is
// enforced.
TEST_F(EveryKey, RangesAreWhatTheySay) {
  size_t checked = 0;
  for (const Key& key : all_keys()) {
    const size_t dots = key.allowed.find("..");
    if ((key.type != "integer" && key.type != "number") || dots == std::string::npos) continue;
    const size_t blank = key.allowed.rfind(' ', dots);
    const std::string low = key.allowed.substr(blank == std::string::npos ? 0 : blank + 1, dots - blank - 1);
    const std::string high = key.allowed.substr(dots + 2);
    const auto accepted = [&](const std::string& value) {
      Config config;
      return key.set(RawValue::of_text(value), config);
    };
    EXPECT_TRUE(accepted(low)) << key.name << " " << low;
    EXPECT_TRUE(accepted(high)) << key.name << " " << high;
    if (key.type == "integer") {
      EXPECT_FALSE(accepted(std::to_string(std::stoull(high) + 1))) << key.name;
      const uint64_t bottom = std::stoull(low);
      const bool zero_too = key.allowed.starts_with("0 or");
      if (bottom > 0 && !(zero_too && bottom == 1)) {
        EXPECT_FALSE(accepted(std::to_string(bottom - 1))) << key.name;
      }
      EXPECT_EQ(accepted("0"), zero_too || bottom == 0) << key.name;
    } else {
      EXPECT_FALSE(accepted(print_number(std::nextafter(std::stod(high), 1e9)))) << key.name;
      EXPECT_FALSE(accepted(print_number(std::nextafter(std::stod(low), -1e9)))) << key.name;
    }
    ++checked;
  }
  EXPECT_GT(checked, 30U);
}

TEST_F(EveryKey, OptionalOnesTakeNone) {
  write("ferrocache.toml", "conversation_ttl_seconds = 60\n");
  EXPECT_FALSE(load({"--conversation_ttl_seconds=none"}, {})->config.conversation_ttl_seconds.has_value());
  for (const Key& key : all_keys()) {
    if (key.type != "integer") continue;
    Config config;
    EXPECT_EQ(key.set(RawValue::of_text("none"), config), key.allowed.starts_with("none or ")) << key.name;
  }
}

TEST(BooleanKeys, TakeTheUsualWords) {
  for (const char* yes : {"true", "True", "TRUE", "1", "yes", "on", "On"})
    EXPECT_EQ(parse_boolean(yes), true) << yes;
  for (const char* no : {"false", "False", "0", "no", "NO", "off"}) EXPECT_EQ(parse_boolean(no), false) << no;
}

TEST(EnvironmentNames, FollowOneRule) {
  EXPECT_EQ(environment_name("port"), "FERROCACHE_PORT");
  EXPECT_EQ(environment_name("hnsw.ef_search"), "FERROCACHE_HNSW__EF_SEARCH");
  EXPECT_EQ(environment_name("cluster.tls.enabled"), "FERROCACHE_CLUSTER__TLS__ENABLED");
}

TEST(ClosestKey, FindsTyposAndNothingElse) {
  EXPECT_EQ(closest_key("prot"), "");
  EXPECT_EQ(closest_key("portt"), "port");
  EXPECT_EQ(closest_key("hnsw.efsearch"), "hnsw.ef_search");
  EXPECT_EQ(closest_key("foo"), "");
  EXPECT_EQ(closest_key(std::string(100'000, 'p')), "");
}

}  // namespace
}  // namespace ferro::node::config
