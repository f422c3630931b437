// TOML and YAML: types, nesting, bad files.
#include <gmock/gmock.h>

#include "node/config/config.h"
#include "node/config/sources.h"
#include "tests/unit/node/config/folder.h"

namespace ferro::node::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Files : public InFolder {
 protected:
  Result<Invocation> toml(const std::string& content) { return named("f.toml", content); }
  Result<Invocation> yaml(const std::string& content) { return named("f.yaml", content); }
  std::string toml_error(const std::string& content) { return toml(content).status().message(); }
  std::string yaml_error(const std::string& content) { return yaml(content).status().message(); }

 private:
  Result<Invocation> named(const std::string& path, const std::string& content) {
    write(path, content);
    auto loaded = load({"--config", path}, {});
    EXPECT_EQ(loaded.status().message().find('\n'), std::string::npos);
    return loaded;
  }
};

TEST_F(Files, TomlTypes) {
  const auto loaded = toml(R"(
port = 4_000
auth_token = "007"
conversation_ttl_seconds = 60
wal.sync = false
hnsw = { default_threshold = 1, ef_search = "64" }
[cluster]
seed_nodes = ["a:1", "b:2"]
phi_threshold = 9.5
[cluster.tls]
internal_port = 0xfff
)");
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->config.port, 4000);
  EXPECT_EQ(loaded->config.auth_token.reveal(), "007");
  EXPECT_EQ(loaded->config.conversation_ttl_seconds, 60U);
  EXPECT_FALSE(loaded->config.wal.sync);
  EXPECT_EQ(loaded->config.hnsw.default_threshold, 1.0);
  EXPECT_EQ(loaded->config.hnsw.ef_search, 64U);
  EXPECT_THAT(loaded->config.cluster.seed_nodes, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(loaded->config.cluster.phi_threshold, 9.5);
  EXPECT_EQ(loaded->config.cluster.tls.internal_port, 0xfffU);
}

// The spelling of a TOML number is lost (0x10, 1_000), so it cannot be taken literally as text.
TEST_F(Files, TomlNumbersAreNoText) {
  EXPECT_EQ(toml_error("node_id = 7"),
            "node_id: \"7\" is not allowed; allowed: empty, or 1..128 visible ASCII characters, in quotes "
            "(f.toml, line 1)");
  EXPECT_THAT(toml_error("auth_token = 1234"), AllOf(HasSubstr("in quotes"), Not(HasSubstr("1234"))));
  EXPECT_THAT(toml_error("log.level = true"), HasSubstr("log.level"));
  EXPECT_THAT(toml_error("port = 3000.0"), HasSubstr("port: \"3000.0\""));
  EXPECT_THAT(toml_error("port = -1"), HasSubstr("port: \"-1\""));
  EXPECT_THAT(toml_error("port = [1]"), HasSubstr("port:"));
  EXPECT_THAT(toml_error("port = 2020-01-01"), HasSubstr("a date or time"));
  EXPECT_THAT(toml_error("hnsw.default_threshold = nan"), HasSubstr("hnsw.default_threshold"));
  EXPECT_THAT(toml_error("hnsw.default_threshold = inf"), HasSubstr("hnsw.default_threshold"));
  EXPECT_THAT(toml_error("cluster.seed_nodes = [1, 2]"), HasSubstr("cluster.seed_nodes"));
  EXPECT_THAT(toml_error("cluster.seed_nodes = 5"), HasSubstr("cluster.seed_nodes"));
}

TEST_F(Files, YamlScalarsAreLiteral) {
  const auto loaded = yaml(R"(
port: 4000
auth_token: 007
node_id: 0x1F
wal.sync: no
hnsw:
  default_threshold: 0.5
  ef_search: "64"
cluster:
  seed_nodes: [a:1, b:2]
  tls: {internal_port: 5000}
index: {}
log:
conversation_ttl_seconds: ~
)");
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->config.port, 4000);
  EXPECT_EQ(loaded->config.auth_token.reveal(), "007");
  EXPECT_EQ(loaded->config.node_id, "0x1F");
  EXPECT_FALSE(loaded->config.wal.sync);
  EXPECT_EQ(loaded->config.hnsw.default_threshold, 0.5);
  EXPECT_EQ(loaded->config.hnsw.ef_search, 64U);
  EXPECT_THAT(loaded->config.cluster.seed_nodes, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(loaded->config.cluster.tls.internal_port, 5000U);
  EXPECT_FALSE(loaded->config.conversation_ttl_seconds.has_value());
  EXPECT_THAT(yaml("cluster: {seed_nodes: 'a:1,b:2'}")->config.cluster.seed_nodes, ElementsAre("a:1", "b:2"));
}

TEST_F(Files, EmptyFilesAreFine) {
  for (const char* content : {"", "\n", "# only a comment\n"}) {
    EXPECT_THAT(changed_keys(Config(), toml(content)->config), IsEmpty());
    EXPECT_THAT(changed_keys(Config(), yaml(content)->config), IsEmpty());
  }
}

TEST_F(Files, UnknownKeysAndSections) {
  EXPECT_THAT(toml_error("prot = 1"), AllOf(HasSubstr("unknown key \"prot\""), HasSubstr("f.toml, line 1")));
  EXPECT_THAT(toml_error("[hnsw]\nef = 1"),
              HasSubstr("unknown key \"hnsw.ef\", value \"1\" (f.toml, line 2)"));
  EXPECT_THAT(toml_error("[hsnw]"), HasSubstr("unknown key \"hsnw\""));
  EXPECT_TRUE(toml("[hnsw]\n[cluster.tls]\n").ok());
  EXPECT_THAT(toml_error("[port]"), HasSubstr("port"));
  EXPECT_THAT(yaml_error("hsnw: {}"), HasSubstr("unknown key \"hsnw\""));
  EXPECT_THAT(yaml_error("nothing: ~"), HasSubstr("unknown key \"nothing\""));
  EXPECT_THAT(yaml_error("port: {}"), HasSubstr("port"));
  EXPECT_THAT(yaml_error("port: {x: 1}"), HasSubstr("unknown key \"port.x\""));
  EXPECT_THAT(yaml_error("hnsw: 5"), HasSubstr("unknown key \"hnsw\""));
}

TEST_F(Files, RepeatedKeysAreRefused) {
  EXPECT_THAT(toml_error("port = 1\nport = 2"), HasSubstr("f.toml, line 2"));
  EXPECT_THAT(yaml_error("port: 1\nport: 2"), HasSubstr("port: set twice (f.yaml, line 2)"));
  EXPECT_THAT(yaml_error("hnsw.ef_search: 1\nhnsw: {ef_search: 2}"), HasSubstr("hnsw.ef_search: set twice"));
  EXPECT_THAT(toml_error("\"hnsw.ef_search\" = 1\n[hnsw]\nef_search = 2"),
              HasSubstr("hnsw.ef_search: set twice"));
}

// Parsers quote the text that they stumble over; here it may be a token.
TEST_F(Files, SyntaxErrorsNameThePlaceAndNoText) {
  for (const char* bad :
       {"auth_token = s3cret", "auth_token = \"s3cret", "auth_token = truescret3cret", "s3cret",
        "auth_token = 's3cret' s3cret", "auth_token = 3s3cret", "auth_token = \"\\qs3cret\""}) {
    EXPECT_THAT(toml_error(bad),
                AllOf(HasSubstr("f.toml, line 1"), HasSubstr("not valid TOML"), Not(HasSubstr("3cret"))));
  }
  for (const char* bad : {"port: 1\nauth_token: *s3cret", "port: 1\nauth_token: \"s3cret",
                          "port: 1\n s3cret: [", "port: 1\nauth_token: @s3cret", "port: 1\n}s3cret"}) {
    EXPECT_THAT(yaml_error(bad),
                AllOf(HasSubstr("f.yaml, line"), HasSubstr("not valid YAML"), Not(HasSubstr("3cret"))))
        << bad;
  }
}

TEST_F(Files, OddYamlIsRefusedNotIgnored) {
  EXPECT_THAT(yaml_error("port: 1\n---\nport: 2\n"), HasSubstr("more than one YAML document"));
  EXPECT_THAT(yaml_error("- port"), HasSubstr("key: value"));
  EXPECT_THAT(yaml_error("just text"), HasSubstr("key: value"));
  EXPECT_THAT(yaml_error("[a]: 1"), HasSubstr("plain text"));
  EXPECT_THAT(yaml_error("cluster: {seed_nodes: [[a]]}"), HasSubstr("plain values"));
  EXPECT_THAT(yaml_error("a: &a\n  b: *a\n"), Not(IsEmpty()));  // contains itself
}

// Cause: yaml-cpp's LoadAll makes empty documents for ever of what it cannot consume (found by fuzzing).
TEST_F(Files, ALoneCommaInYamlEnds) {
  for (const char* text : {",", ",a: 1", "a: 1\n, b", "]", "}"}) EXPECT_FALSE(yaml(text).ok()) << text;
  EXPECT_TRUE(yaml("---\nport: 1\n...\n").ok());
  EXPECT_TRUE(yaml("%YAML 1.2\n---\nport: 1\n").ok());
}

TEST_F(Files, SizeDepthAndNumberAreBounded) {
  EXPECT_THAT(toml_error("#" + std::string(kFileBytesMax, 'x')), HasSubstr("larger than"));
  std::string deep_toml = "a", deep_yaml = "a: 1";
  for (int i = 0; i < 20; ++i) {
    deep_toml += ".a";
    deep_yaml = "a: {" + deep_yaml + "}";
  }
  EXPECT_THAT(toml_error(deep_toml + " = 1"), HasSubstr("deeply nested"));
  EXPECT_THAT(yaml_error(deep_yaml), HasSubstr("deeply nested"));
  EXPECT_FALSE(yaml("a: " + std::string(200'000, '[')).ok());
  EXPECT_FALSE(yaml("a: " + std::string(200'000, '{')).ok());
  EXPECT_FALSE(toml("a = " + std::string(200'000, '[')).ok());
  // Aliases that multiply a small file.
  std::string bomb = "a0: &a0 {k: 1}\n";
  for (int i = 1; i < 7; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {";
    for (int j = 0; j < 10; ++j) {
      bomb += std::string(j == 0 ? "" : ", ") + "k" + std::to_string(j) + ": *a" + std::to_string(i - 1);
    }
    bomb += "}\n";
  }
  EXPECT_FALSE(yaml(bomb).ok());
}

}  // namespace
}  // namespace ferro::node::config
