#include "operator/app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ferro::oper::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Options, Defaults) {
  const auto options = parse_options({}, {});
  ASSERT_TRUE(options.ok());
  EXPECT_TRUE(options->watch_namespaces.empty());
  EXPECT_EQ(options->metrics_addr, ":8080");
  EXPECT_EQ(options->health_addr, ":8081");
  EXPECT_EQ(options->lease_name, "ferrocache-operator");
  EXPECT_THAT(options->node_image, testing::StartsWith("ferrocached:"));
}

TEST(Options, TheCommandLineWinsOverTheEnvironment) {
  const Environment environment{{"FERROCACHE_OPERATOR_LOG_LEVEL", "debug"},
                                {"FERROCACHE_OPERATOR_WATCH_NAMESPACES", "b, a,,b"},
                                {"FERROCACHE_OPERATOR_NODE_IMAGE", "x:1"},
                                {"PATH", "/bin"}};
  const auto options = parse_options({"--log-level=warn", "--node-image", "y:2"}, environment);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->log_level, "warn");
  EXPECT_EQ(options->node_image, "y:2");
  EXPECT_THAT(options->watch_namespaces, ElementsAre("a", "b"));
}

TEST(Options, VariablesOfServicesOfOurNameAreNobodysSettings) {
  EXPECT_TRUE(parse_options({}, {{"FERROCACHE_OPERATOR_SERVICE_HOST", "10.0.0.1"},
                                 {"FERROCACHE_OPERATOR_SERVICE_PORT_METRICS", "8080"},
                                 {"FERROCACHE_OPERATOR_PORT", "tcp://10.0.0.1:8080"},
                                 {"FERROCACHE_OPERATOR_METRICS_PORT_8080_TCP_ADDR", "10.0.0.1"}})
                  .ok());
}

TEST(Options, WhatIsUnknownOrCannotBeMeantIsRefusedByName) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> wrong = {
      {{"--leader-elect"}, "unknown argument --leader-elect"},
      {{"serve"}, "unknown argument serve"},
      {{"--metrics-addr"}, "--metrics-addr needs a value"},
      {{"--metrics-addr=8080"}, "--metrics-addr is \"8080\""},
      {{"--log-level", "loud"}, "--log-level is \"loud\""},
      {{"--log-format", "xml"}, "--log-format"},
      {{"--watch-namespaces", "A_b"}, "--watch-namespaces"},
      {{"--lease-name", ""}, "--lease-name"}};
  for (const auto& [arguments, said] : wrong) {
    const auto options = parse_options(arguments, {});
    ASSERT_FALSE(options.ok()) << said;
    EXPECT_THAT(options.status().message(), HasSubstr(said));
  }
  EXPECT_THAT(parse_options({}, {{"FERROCACHE_OPERATOR_LEADER", "1"}}).status().message(),
              HasSubstr("FERROCACHE_OPERATOR_LEADER"));
}

TEST(Options, HelpNamesEveryFlagAndItsVariable) {
  EXPECT_EQ(parse_options({"--help"}, {})->mode, Mode::help);
  EXPECT_EQ(parse_options({"--version"}, {})->mode, Mode::version);
  for (const char* text : {"--watch-namespaces", "--kubeconfig", "--metrics-addr", "--health-addr",
                           "--lease-namespace", "--lease-name", "--node-image", "--log-level", "--log-format",
                           "FERROCACHE_OPERATOR_LEASE_NAMESPACE"}) {
    EXPECT_THAT(help_text(), HasSubstr(text));
  }
}

}  // namespace
}  // namespace ferro::oper::app
