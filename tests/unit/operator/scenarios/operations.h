// Every operation as a scenario: what a user does to a settled cluster, and what must be so in the end. Used
// by itself and with the operator killed at every point of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/unit/operator/scenarios/stage.h"

namespace ferro::oper::scenarios {

struct Operation {
  std::string name;
  Json spec = Json::object();              // of the cluster before it
  std::function<void(Stage&)> begin;       // nothing = creating the cluster is the operation
  std::function<bool(const Stage&)> done;  // beside being settled
};

inline constexpr const char* kCluster = "demo";

const std::vector<Operation>& operations();

// Settled and done; the stage's faults are the caller's to look at.
bool finishes(Stage& stage, const Operation& operation, int at_most = 900);

}  // namespace ferro::oper::scenarios
