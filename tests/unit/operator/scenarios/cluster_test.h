// One cluster on a stage.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "tests/unit/operator/scenarios/operations.h"

namespace ferro::oper::scenarios {

class ClusterTest : public testing::Test {
 protected:
  void start(Json spec = Json::object()) {
    stage_.create(kCluster, std::move(spec));
    ASSERT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  }
  std::set<std::string> uids(const char* plural) const {
    std::set<std::string> all;
    for (const Json& object : stage_.server.list(plural, Stage::kNamespace))
      all.insert(object["metadata"].value("uid", ""));
    return all;
  }
  Stage stage_;
};

}  // namespace ferro::oper::scenarios
