// Precedence, environment, command line, messages.
#include "node/config/config.h"

#include <gmock/gmock.h>

#include "tests/unit/node/config/folder.h"

namespace ferro::node::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Load : public InFolder {};

std::string error_of(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  const auto loaded = load(arguments, environment);
  if (loaded.ok()) return "(no error)";
  EXPECT_EQ(loaded.status().message().find('\n'), std::string::npos) << loaded.status().message();
  return loaded.status().message();
}

TEST_F(Load, DefaultsAloneAreValid) {
  const auto loaded = load({}, {{"PATH", "/bin"}, {"HOME", "/"}});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->mode, Mode::run);
  EXPECT_FALSE(loaded->salvage);
  EXPECT_THAT(changed_keys(Config(), loaded->config), IsEmpty());
}

// Every combination of file, environment and command line: the strongest that speaks wins and is named.
TEST_F(Load, PrecedenceMatrix) {
  for (int sources = 0; sources < 8; ++sources) {
    const bool file = (sources & 1) != 0, environment = (sources & 2) != 0, command_line = (sources & 4) != 0;
    SCOPED_TRACE(sources);
    write("ferrocache.toml", file ? "[hnsw]\nef_search = 101\n" : "");
    std::vector<std::string> arguments{"--print-config"};
    if (command_line) arguments.push_back("--hnsw.ef_search=103");
    const auto loaded =
        load(arguments, environment ? Environment{{"FERROCACHE_HNSW__EF_SEARCH", "102"}} : Environment{});
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    const uint64_t expected = command_line ? 103 : environment ? 102 : file ? 101 : 32;
    const std::string source = command_line  ? "command line"
                               : environment ? "environment"
                               : file        ? "file"
                                             : "default";
    EXPECT_EQ(loaded->config.hnsw.ef_search, expected);
    EXPECT_THAT(loaded->printed,
                HasSubstr("hnsw.ef_search = " + std::to_string(expected) + "  # " + source + "\n"));
  }
}

TEST_F(Load, WithoutADefaultFileAndWithANamedOne) {
  EXPECT_EQ(load({}, {})->config.port, 3000);
  write("ferrocache.toml", "port = 4001\n");
  write("other.toml", "port = 4002\n");
  write("other.yaml", "port: 4003\n");
  write("other.yml", "port: 4004\n");
  EXPECT_EQ(load({}, {})->config.port, 4001);
  EXPECT_EQ(load({"--config", "other.toml"}, {})->config.port, 4002);
  EXPECT_EQ(load({"--config=other.yaml"}, {})->config.port, 4003);
  EXPECT_EQ(load({"--config", "other.yml"}, {})->config.port, 4004);
}

TEST_F(Load, ANamedFileMustBeReadable) {
  EXPECT_THAT(error_of({"--config", "none.toml"}), AllOf(HasSubstr("config"), HasSubstr("none.toml")));
  write("settings.json", "{}");
  EXPECT_THAT(error_of({"--config", "settings.json"}), HasSubstr(".toml, .yaml or .yml"));
  std::filesystem::create_directory("folder.toml");
  EXPECT_THAT(error_of({"--config", "folder.toml"}), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of({"--config"}), HasSubstr("--config needs a value"));
  std::filesystem::create_directory("ferrocache.toml");
  EXPECT_THAT(error_of({}), HasSubstr("not a regular file"));  // there, but not usable: no silent defaults
}

TEST_F(Load, CommandLineForms) {
  const auto loaded =
      load({"--port", "4000", "--cluster.seed_nodes=a:1,b:2", "--wal_path", "-odd", "--node_id="}, {});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->config.port, 4000);
  EXPECT_THAT(loaded->config.cluster.seed_nodes, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(loaded->config.wal_path, "-odd");
  EXPECT_EQ(load({"--wal_path=--x=y"}, {})->config.wal_path, "--x=y");
  EXPECT_EQ(load({"--port=1", "--port=2"}, {})->config.port, 2);  // the last one, as with other commands

  EXPECT_THAT(error_of({"--port"}), AllOf(HasSubstr("--port needs a value"), HasSubstr("0..65535")));
  EXPECT_THAT(error_of({"--port", "--node_id=x"}), HasSubstr("--port needs a value"));
  EXPECT_THAT(error_of({"port=1"}), HasSubstr("unexpected argument \"port=1\""));
  EXPECT_THAT(error_of({"--"}), HasSubstr("unexpected argument"));
  EXPECT_THAT(error_of({""}), HasSubstr("unexpected argument"));
  EXPECT_THAT(error_of({"--check-config=yes"}), HasSubstr("--check-config takes no value"));
}

TEST_F(Load, Modes) {
  EXPECT_EQ(load({"--check-config"}, {})->mode, Mode::check_config);
  EXPECT_EQ(load({"--print-config"}, {})->mode, Mode::print_config);
  EXPECT_EQ(load({"--health"}, {})->mode, Mode::health);
  EXPECT_EQ(load({"--version"}, {})->mode, Mode::version);
  EXPECT_EQ(load({"-h"}, {})->mode, Mode::help);
  EXPECT_EQ(load({"--check-config", "--help", "--print-config"}, {})->mode, Mode::help);
  EXPECT_TRUE(load({"--salvage"}, {})->salvage);
  EXPECT_EQ(load({"--salvage"}, {})->mode, Mode::run);
  // Help comes even when everything else is wrong.
  EXPECT_EQ(load({"--help"}, {{"FERROCACHE_NONSENSE", "1"}})->mode, Mode::help);
}

TEST_F(Load, OneLineNamesKeyValueAndRange) {
  EXPECT_EQ(
      error_of({}, {{"FERROCACHE_HNSW__EF_SEARCH", "0"}}),
      "hnsw.ef_search: \"0\" is not allowed; allowed: 1..4096 (environment FERROCACHE_HNSW__EF_SEARCH)");
  EXPECT_EQ(error_of({"--port", "70000"}),
            "port: \"70000\" is not allowed; allowed: 0..65535 (command line)");
  write("ferrocache.toml", "\n[index]\nkind = \"ivf\"\n");
  EXPECT_EQ(error_of({}),
            "index.kind: \"ivf\" is not allowed; allowed: auto, flat, hnsw (ferrocache.toml, line 3)");
  write("ferrocache.toml", "");
  // A value cannot break the line.
  EXPECT_THAT(error_of({"--port=1\n2"}), HasSubstr("\"1\\x0a2\""));
  EXPECT_THAT(error_of({"--port=" + std::string(5000, '9')}).size(), testing::Lt(300U));
}

TEST_F(Load, UnknownKeysStopTheStart) {
  EXPECT_THAT(error_of({"--hnsw.ef_serch=1"}),
              AllOf(HasSubstr("unknown key \"hnsw.ef_serch\", value \"1\" (command line)"),
                    HasSubstr("did you mean hnsw.ef_search?")));
  EXPECT_THAT(error_of({}, {{"FERROCACHE_HNSW_EF_SEARCH", "1"}}),
              AllOf(HasSubstr("unknown key \"FERROCACHE_HNSW_EF_SEARCH\", value \"1\""),
                    HasSubstr("did you mean FERROCACHE_HNSW__EF_SEARCH?")));
  EXPECT_THAT(error_of({}, {{"FERROCACHE_", "1"}}), HasSubstr("unknown key \"FERROCACHE_\""));
  EXPECT_THAT(error_of({}, {{"FERROCACHE_Port", "1"}}), HasSubstr("unknown key \"FERROCACHE_Port\""));
  EXPECT_THAT(error_of({}, {{"FERROCACHE_HNSW.EF_SEARCH", "1"}}), HasSubstr("unknown key"));
  EXPECT_THAT(error_of({"--hnsw=1"}), HasSubstr("unknown key \"hnsw\""));
  EXPECT_THAT(error_of({"--PORT=1"}), HasSubstr("unknown key \"PORT\""));
  EXPECT_THAT(error_of({"--" + std::string(100'000, 'x') + "=1"}).size(), testing::Lt(400U));
  EXPECT_TRUE(
      load({}, {{"FERROCACHEX_PORT", "1"}, {"XFERROCACHE_PORT", "2"}, {"ferrocache_port", "3"}}).ok());
}

TEST_F(Load, NoMessageShowsASecret) {
  const std::string secret = "s3cret-t0ken";
  for (const char* bad : {" s3cret-t0ken", "s3cret-t0ken\n", "s3cret\x01-t0ken"}) {
    const std::string error = error_of({}, {{"FERROCACHE_AUTH_TOKEN", bad}});
    EXPECT_THAT(error, AllOf(HasSubstr("auth_token: its value is not allowed"), HasSubstr("1..4096"),
                             Not(HasSubstr("s3c"))));
  }
  EXPECT_THAT(error_of({"--auth_tokn=" + secret}), AllOf(HasSubstr("auth_tokn"), Not(HasSubstr(secret))));
  EXPECT_THAT(error_of({}, {{"FERROCACHE_API_SECRET", secret}}), Not(HasSubstr(secret)));
  const auto printed = load({"--print-config"}, {{"FERROCACHE_AUTH_TOKEN", secret}});
  EXPECT_THAT(printed->printed,
              AllOf(HasSubstr("auth_token = ********  # environment\n"), Not(HasSubstr(secret))));
  EXPECT_EQ(printed->config.auth_token.reveal(), secret);
  EXPECT_THAT(load({"--print-config"}, {})->printed, HasSubstr("auth_token =   # default\n"));
}

TEST_F(Load, ValuesAreTakenLiterally) {
  EXPECT_EQ(load({}, {{"FERROCACHE_AUTH_TOKEN", "007"}})->config.auth_token.reveal(), "007");
  EXPECT_EQ(load({"--auth_token", "1e3"}, {})->config.auth_token.reveal(), "1e3");
  EXPECT_EQ(load({}, {{"FERROCACHE_NODE_ID", "\"n\""}})->config.node_id, "\"n\"");
  EXPECT_EQ(load({}, {{"FERROCACHE_NODE_ID", "0x10"}})->config.node_id, "0x10");
  EXPECT_THAT(
      load({}, {{"FERROCACHE_CLUSTER__SEED_NODES", " a:1 ,\tb.c:65535,[::1]:7"}})->config.cluster.seed_nodes,
      ElementsAre("a:1", "b.c:65535", "[::1]:7"));
  EXPECT_THAT(load({}, {{"FERROCACHE_CLUSTER__SEED_NODES", ""}})->config.cluster.seed_nodes, IsEmpty());
  EXPECT_THAT(error_of({}, {{"FERROCACHE_CLUSTER__SEED_NODES", "a:1,,b:2"}}), HasSubstr("host:port"));
}

// Names that Kubernetes makes for Services and that the clients read are no settings.
TEST_F(Load, ForeignNamesAreIgnored) {
  const Environment foreign{{"FERROCACHE_SERVICE_HOST", "10.96.0.7"},
                            {"FERROCACHE_SERVICE_PORT", "3000"},
                            {"FERROCACHE_SERVICE_PORT_HTTP", "3000"},
                            {"FERROCACHE_PORT", "tcp://10.96.0.7:3000"},
                            {"FERROCACHE_PORT_3000_TCP", "tcp://10.96.0.7:3000"},
                            {"FERROCACHE_PORT_3000_TCP_ADDR", "10.96.0.7"},
                            {"FERROCACHE_PORT_3000_TCP_PORT", "3000"},
                            {"FERROCACHE_PORT_3000_TCP_PROTO", "tcp"},
                            {"FERROCACHE_PORT_53_UDP", "udp://10.96.0.7:53"},
                            {"FERROCACHE_HEADLESS_SERVICE_HOST", "None"},
                            {"FERROCACHE_HEADLESS_SERVICE_PORT_HTTP", "3000"},
                            {"FERROCACHE_HEADLESS_PORT", "tcp://10.96.0.8:3000"},
                            {"FERROCACHE_HEADLESS_PORT_3000_TCP_ADDR", "10.96.0.8"},
                            {"FERROCACHE_URL", "http://x"},
                            {"FERROCACHE_THRESHOLD", "0.9"},
                            {"FERROCACHE_EMBED_MODEL", "m"},
                            {"FERROCACHE_DATA_DIR", "/data"}};
  const auto loaded = load({}, foreign);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_THAT(changed_keys(Config(), loaded->config), IsEmpty());
  EXPECT_EQ(load({}, {{"FERROCACHE_PORT", "udp://10.96.0.7:3000"}})->config.port, 3000);
  EXPECT_EQ(load({}, {{"FERROCACHE_PORT", "4000"}})->config.port, 4000);

  for (const char* name : {"FERROCACHE_PORT_X_TCP", "FERROCACHE_PORT_3000_TCP_FOO", "FERROCACHE_PORT_3000",
                           "FERROCACHE_PORT_3000_ICMP", "FERROCACHE_SERVICE_NAME", "FERROCACHE_SERVICE",
                           "FERROCACHE_URLS", "FERROCACHE_HEADLESS_PORT"}) {
    EXPECT_THAT(error_of({}, {{name, "1"}}), HasSubstr("unknown key")) << name;
  }
  EXPECT_THAT(error_of({}, {{"FERROCACHE_PORT", "http://x"}}),
              HasSubstr("port: \"http://x\" is not allowed"));
  // A real key is one whatever its name looks like.
  EXPECT_THAT(error_of({}, {{"FERROCACHE_CLUSTER__TLS__INTERNAL_PORT", "tcp://x"}}),
              HasSubstr("cluster.tls.internal_port: \"tcp://x\" is not allowed"));
}

TEST_F(Load, AClustersPortsDiffer) {
  const std::string on = "--cluster.enabled=true";
  EXPECT_TRUE(load({on}, {}).ok());
  EXPECT_TRUE(load({on, "--port=0"}, {}).ok()) << "any free ones";
  const Config defaults = load({on, "--port=3100"}, {})->config;
  EXPECT_EQ(gossip_port_of(defaults), 5100U);
  EXPECT_EQ(internal_port_of(defaults), 4100U);
  EXPECT_EQ(gossip_port_of(load({on, "--cluster.gossip_addr=[::1]:7000"}, {})->config), 7000U);
  EXPECT_THAT(error_of({on, "--port=64000"}), HasSubstr("cluster.gossip_addr: port 66000"));
  EXPECT_THAT(error_of({on, "--cluster.gossip_addr=a:3000"}), HasSubstr("cluster.gossip_addr: port 3000"));
  const std::vector<std::string> tls{on, "--cluster.tls.enabled=1", "--cluster.tls.ca_cert_path=a",
                                     "--cluster.tls.node_cert_path=c", "--cluster.tls.node_key_path=k"};
  EXPECT_TRUE(load(tls, {}).ok());
  auto clash = tls;
  clash.emplace_back("--cluster.gossip_addr=a:4000");
  EXPECT_THAT(error_of(clash), HasSubstr("cluster.tls.internal_port"));
  EXPECT_TRUE(load({on, "--cluster.gossip_addr=a:4000"}, {}).ok()) << "nothing else is there without TLS";
}

TEST_F(Load, WhatCouldResurrectEndsBeforeTheTombstones) {
  const std::string on = "--cluster.enabled=true";
  EXPECT_THAT(
      error_of({on, "--cluster.tombstone_retention_seconds=3600"}),
      AllOf(HasSubstr("cluster.tombstone_retention_seconds"), HasSubstr("cluster.hint_max_age_seconds")));
  EXPECT_THAT(
      error_of({on, "--cluster.repair_interval_seconds=50000"}),
      AllOf(HasSubstr("cluster.tombstone_retention_seconds"), HasSubstr("cluster.repair_interval_seconds")));
  EXPECT_THAT(
      error_of({on, "--cluster.forget_after_seconds=10"}),
      AllOf(HasSubstr("cluster.forget_after_seconds"), HasSubstr("cluster.re_replicate_after_seconds")));
  EXPECT_TRUE(load({"--cluster.forget_after_seconds=10"}, {}).ok()) << "no cluster, no rule";
}

TEST_F(Load, TlsFilesComeTogether) {
  EXPECT_THAT(error_of({"--http.tls.cert_path=c"}), HasSubstr("http.tls.key_path"));
  EXPECT_THAT(error_of({"--http.tls.key_path=k"}), HasSubstr("http.tls.cert_path"));
  EXPECT_THAT(error_of({"--http.tls.client_ca_path=a"}), HasSubstr("http.tls.client_ca_path"));
  EXPECT_TRUE(load({"--http.tls.cert_path=c", "--http.tls.key_path=k"}, {}).ok());
  EXPECT_TRUE(
      load({"--http.tls.cert_path=c", "--http.tls.key_path=k", "--http.tls.client_ca_path=a"}, {}).ok());

  const std::vector<std::string> cluster{"--cluster.tls.enabled=1", "--cluster.tls.ca_cert_path=a",
                                         "--cluster.tls.node_cert_path=c", "--cluster.tls.node_key_path=k"};
  EXPECT_TRUE(load(cluster, {}).ok());
  EXPECT_THAT(error_of({"--cluster.tls.enabled=true"}), HasSubstr("cluster.tls.ca_cert_path"));
  for (const char* clash : {"--port=64536", "--cluster.tls.internal_port=3000"}) {
    auto arguments = cluster;
    arguments.emplace_back(clash);
    EXPECT_THAT(error_of(arguments), HasSubstr("cluster.tls.internal_port")) << clash;
  }
}

TEST_F(Load, ChangedKeysNamesWhatAReloadWouldChange) {
  const Config before = load({"--auth_token=a", "--port=1"}, {})->config;
  const Config after = load({"--auth_token=b", "--port=1", "--log.level=debug"}, {})->config;
  EXPECT_THAT(changed_keys(before, after), ElementsAre("auth_token", "log.level"));
}

TEST(Help, NamesEveryOptionAndKey) {
  const std::string help = help_text();
  for (const char* word : {"--config", "--check-config", "--print-config", "--help", "--version", "--health",
                           "--salvage", "hnsw.ef_search = 32", "cluster.tls.internal_port"}) {
    EXPECT_THAT(help, HasSubstr(word));
  }
}

}  // namespace
}  // namespace ferro::node::config
