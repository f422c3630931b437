#include "node/app/environment.h"

#include <gmock/gmock.h>

#include <fstream>
#include <string_view>

#include "tests/fakes/temp_folder.h"

namespace ferro::node::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_view_literals;

std::vector<std::string> arguments_in(std::string_view command_line) {
  const tests::fakes::TempFolder folder;
  const std::string path = folder.path() + "/cmdline";
  std::ofstream(path) << command_line;
  return arguments_of_node(path);
}

// The HEALTHCHECK of a container that was started with --port asked port 3000.
TEST(ArgumentsOfNode, AreWhatTheContainerWasStartedWith) {
  EXPECT_THAT(arguments_in("/usr/bin/ferrocached\0--port\0008080\0--http.bind=::\0"sv),
              ElementsAre("--port", "8080", "--http.bind=::"));
  EXPECT_THAT(arguments_in("ferrocached\0--node_id\0\0--port=1\0"sv),
              ElementsAre("--node_id", "", "--port=1"));
  EXPECT_THAT(arguments_in("ferrocached\0"sv), IsEmpty());
}

TEST(ArgumentsOfNode, OfAnotherProgramAreNone) {
  EXPECT_THAT(arguments_in("/sbin/init\0--port\0008080\0"sv), IsEmpty());
  EXPECT_THAT(arguments_in("/bin/sh\0-c\0ferrocached\0"sv), IsEmpty());
  EXPECT_THAT(arguments_in(""sv), IsEmpty());
  EXPECT_THAT(arguments_of_node("/nowhere/cmdline"), IsEmpty());
}

}  // namespace
}  // namespace ferro::node::app
