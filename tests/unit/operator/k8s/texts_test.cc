// Small texts: paths, base64, server addresses, JSON, lines.
#include <gtest/gtest.h>

#include "operator/k8s/base64.h"
#include "operator/k8s/json_text.h"
#include "operator/k8s/line_splitter.h"
#include "operator/k8s/paths.h"
#include "operator/k8s/resources.h"
#include "operator/k8s/server_url.h"
#include "tests/fakes/timeline.h"

namespace ferro::oper::k8s {
namespace {

TEST(Paths, CoreAndGroupsNamespacedAndNot) {
  EXPECT_EQ(object_path(kPods, "ns", "demo-0"), "/api/v1/namespaces/ns/pods/demo-0");
  EXPECT_EQ(collection_path(kPods, ""), "/api/v1/pods");
  EXPECT_EQ(object_path(kClusters, "ns", "demo", Subresource::status),
            "/apis/cache.ferrocache.io/v1alpha1/namespaces/ns/ferrocacheclusters/demo/status");
  EXPECT_EQ(object_path(kStatefulSets, "ns", "demo", Subresource::scale),
            "/apis/apps/v1/namespaces/ns/statefulsets/demo/scale");
  EXPECT_EQ(object_path(kNamespaces, "ignored", "ns"), "/api/v1/namespaces/ns");
  EXPECT_EQ(api_version(kSecrets), "v1");
  EXPECT_EQ(api_version(kLeases), "coordination.k8s.io/v1");
}

TEST(Paths, AStrangeNameStaysOneSegmentAndAStrangeValueOneValue) {
  EXPECT_EQ(object_path(kPods, "ns", "../secrets/x"), "/api/v1/namespaces/ns/pods/..%2Fsecrets%2Fx");
  std::string target = "/api/v1/pods";
  add_query(target, "labelSelector", "a=b,c in (d)");
  add_query(target, "limit", "5");
  EXPECT_EQ(target, "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=5");
}

TEST(Base64, RoundTripOfEveryLength) {
  fakes::Chance chance(1);
  for (size_t length = 0; length < 100; ++length) {
    std::string bytes;
    for (size_t i = 0; i < length; ++i) bytes.push_back(static_cast<char>(chance.next()));
    const std::optional<std::string> back = base64_decode(base64_encode(bytes));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, bytes);
  }
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_encode("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64_encode("foob"), "Zm9vYg==");
}

TEST(Base64, LineEndsAreSkippedAndEverythingElseRefused) {
  EXPECT_EQ(base64_decode("Zm9v\nYmFy\r\n"), "foobar");
  for (const char* text :
       {"Zm9vYg=", "Zm9vYg", "Z", "=", "====", "Zm9v!mFy", "Zm9vYg==Zm9v", "Zm=v", "Zm9vYmFy="}) {
    EXPECT_FALSE(base64_decode(text).has_value()) << text;
  }
}

TEST(ServerUrl, Forms) {
  struct Case {
    const char* text;
    bool tls;
    const char* host;
    uint16_t port;
    const char* prefix;
    bool address;
  };
  for (const Case& c : {Case{"https://10.96.0.1:443", true, "10.96.0.1", 443, "", true},
                        Case{"https://kube.example", true, "kube.example", 443, "", false},
                        Case{"https://[fd00::1]:6443/", true, "fd00::1", 6443, "", true},
                        Case{"http://127.0.0.1:8001", false, "127.0.0.1", 8001, "", true},
                        Case{"https://proxy.example/k8s/clusters/c-1/", true, "proxy.example", 443,
                             "/k8s/clusters/c-1", false}}) {
    const Result<ServerUrl> url = parse_server_url(c.text);
    ASSERT_TRUE(url.ok()) << c.text << ": " << url.status().to_string();
    EXPECT_EQ(url->tls, c.tls);
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->port, c.port);
    EXPECT_EQ(url->path_prefix, c.prefix);
    EXPECT_EQ(url->host_is_address, c.address);
  }
  EXPECT_EQ(to_text(*parse_server_url("https://[fd00::1]:6443/x")), "https://[fd00::1]:6443/x");
}

TEST(ServerUrl, WhatIsNoneSaysWhy) {
  for (const char* text :
       {"", "kube.example", "ftp://x", "https://", "https://:443", "https://host:0", "https://host:65536",
        "https://host:x", "https://host:1x", "https://[fd00::1", "https://[nonsense]:1", "https://a b",
        "https://user@host", "https://host/a?b", "https://host/a#b", "https://h\r\nX: y"}) {
    const Result<ServerUrl> url = parse_server_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.status().code(), StatusCode::invalid_argument);
  }
}

TEST(JsonText, DepthAndUtf8AreBounded) {
  EXPECT_TRUE(parse_json(R"({"a":[1,"]]]]\"{"]})").has_value());
  EXPECT_FALSE(parse_json("{\"a\":\"\xff\"}").has_value());
  EXPECT_FALSE(parse_json("{\"a\":1} trailing").has_value());
  EXPECT_FALSE(parse_json("").has_value());
  const std::string deepest(kJsonDepthMax, '['), deeper(kJsonDepthMax + 1, '[');
  EXPECT_TRUE(parse_json(deepest + std::string(kJsonDepthMax, ']')).has_value());
  EXPECT_FALSE(parse_json(deeper + std::string(kJsonDepthMax + 1, ']')).has_value());
  // Would overflow the stack of whoever copies it.
  EXPECT_FALSE(parse_json(std::string(10'000'000, '[')).has_value());
}

TEST(JsonText, PathsThroughWhatIsThereAndWhatIsNot) {
  const Json object = {{"a", {{"b", "c"}, {"n", 1}}}};
  EXPECT_EQ(string_at(object, {"a", "b"}), "c");
  EXPECT_EQ(string_at(object, {"a", "n"}), "");
  EXPECT_EQ(string_at(object, {"a", "b", "c"}), "");
  EXPECT_EQ(find(object, {"x"}), nullptr);
  EXPECT_EQ(find(object, {}), &object);
}

std::vector<std::string> split(std::string_view bytes, size_t piece, size_t bound) {
  LineSplitter splitter(bound);
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  };
  for (size_t i = 0; i < bytes.size(); i += piece) EXPECT_TRUE(splitter.feed(bytes.substr(i, piece), take));
  EXPECT_TRUE(splitter.finish(take));
  return lines;
}

TEST(LineSplitter, TheSameLinesWhateverThePieces) {
  const std::string bytes = "one\ntwo\r\n\nfour\nlast without end";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    EXPECT_EQ(split(bytes, piece, 100),
              (std::vector<std::string>{"one", "two", "", "four", "last without end"}));
  }
}

TEST(LineSplitter, ALongLineIsHandedOverCutOnceAndTheNextOnesWhole) {
  const std::string bytes = "short\n0123456789abcdef\nnext\n";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    EXPECT_EQ(split(bytes, piece, 8), (std::vector<std::string>{"short", "01234567", "next"})) << piece;
  }
}

TEST(LineSplitter, NothingMoreOnceTheReaderHasEnough) {
  LineSplitter splitter(100);
  int count = 0;
  EXPECT_FALSE(splitter.feed("a\nb\nc\n", [&](std::string_view) { return ++count < 2; }));
  EXPECT_EQ(count, 2);
}

}  // namespace
}  // namespace ferro::oper::k8s
