// The rights that the chart gives the operator, held against what it asks for.
#pragma once

#include <set>
#include <string>

#include "tests/unit/operator/scenarios/stage.h"

namespace ferro::oper::scenarios {

// Of one test; outlives the stages that it guards.
class Role {
 public:
  Role();
  // What is not granted is refused from here on, as by an API server.
  void guard(Stage& stage);
  // An apply that made something needed `create` beside `patch`, which shows in its answer only.
  void look_back(const Stage& stage);
  // "resource verb", as in a rule.
  const std::set<std::string>& refused() const { return refused_; }
  std::set<std::string> idle() const;  // granted, and never asked for

 private:
  std::set<std::string> granted_, used_, refused_;
};

}  // namespace ferro::oper::scenarios
