#include <gmock/gmock.h>

#include "node/cluster/runtime/network.h"

namespace ferro::node::cluster {
namespace {

using testing::HasSubstr;

TEST(Endpoint, NamesAndAddressesReadAndPrintAlike) {
  for (const char* text : {"127.0.0.1:3001", "node-1.cache.svc:65535", "my_host:1", "[::1]:3001",
                           "[2001:db8::7]:80", "[fe80::1%eth0]:3001"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint.ok()) << text << ": " << endpoint.status().to_string();
    EXPECT_EQ(to_string(*endpoint), text);
  }
  EXPECT_EQ(*parse_endpoint("[::1]:3001"), (Endpoint{"::1", 3001}));
  EXPECT_EQ(*parse_endpoint("a:1"), (Endpoint{"a", 1}));
}

TEST(Endpoint, ErrorsSayWhatToChange) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "write ':' and a port after the host"},
      {"host", "write ':' and a port after the host"},
      {":3001", "write a host before the ':'"},
      {"host:", "a port from 1 to 65535"},
      {"host:0", "a port from 1 to 65535"},
      {"host:65536", "a port from 1 to 65535"},
      {"host:+80", "a port from 1 to 65535"},
      {"host:80 ", "a port from 1 to 65535"},
      {"::1:3001", "in brackets"},
      {"[::1]", "write ':' and a port after ']'"},
      {"[::1]3001", "write ':' and a port after ']'"},
      {"[::1:3001", "close the bracket"},
      {"[host]:3001", "write an IPv6 address between the brackets"},
      {"http://host:3001", "leave out what stands before '://'"},
      {"ho st:3001", "may hold letters"},
      {"user@host:3001", "may hold letters"},
      {"host/path:3001", "may hold letters"},
  };
  for (const auto& [text, said] : cases) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_FALSE(endpoint.ok()) << text;
    EXPECT_EQ(endpoint.status().code(), StatusCode::invalid_argument);
    EXPECT_THAT(endpoint.status().message(), HasSubstr(said)) << text;
  }
}

TEST(Endpoint, AnErrorShowsOnlyTheBeginningOfAHugeText) {
  EXPECT_LT(parse_endpoint(std::string(100'000, 'x') + ":1").status().message().size(), 300U);
}

}  // namespace
}  // namespace ferro::node::cluster
