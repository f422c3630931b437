#include "operator/app/address.h"

#include <gtest/gtest.h>

namespace ferro::oper::app {
namespace {

TEST(Address, HostsAndPorts) {
  EXPECT_EQ(parse_address(":8080")->host, "");
  EXPECT_EQ(parse_address(":8080")->port, 8080);
  EXPECT_EQ(parse_address("127.0.0.1:1")->host, "127.0.0.1");
  EXPECT_EQ(parse_address("[::1]:65535")->host, "::1");
}

TEST(Address, WhatIsNone) {
  for (const char* text : {"", "8080", ":", ":x", ":65536", ":-1", "host:80", "1.2.3:80", "::1:", ":80x"}) {
    EXPECT_FALSE(parse_address(text).ok()) << text;
  }
}

}  // namespace
}  // namespace ferro::oper::app
