// Actions on authorities, leaves and tokens. Each reads the Secret that it changes anew and does nothing if
// the state that it starts from has passed. Private to exec.
#pragma once

#include <cstdint>
#include <string_view>

#include "operator/exec/secret_editor.h"
#include "operator/plan/plan.h"

namespace ferro::oper::exec {

class KeyActions {
 public:
  // `known_anchors` as in Pass, whose lifetime it has.
  KeyActions(SecretEditor& secrets, const api::Cluster& cluster, int64_t now_unix,
             std::string_view known_anchors)
      : secrets_(secrets), cluster_(cluster), now_unix_(now_unix), known_anchors_(known_anchors) {}

  Outcome perform(const plan::CreateAuthority& action);
  Outcome perform(const plan::PublishNextAuthority& action);
  Outcome perform(const plan::PromoteAuthority& action);
  Outcome perform(const plan::DropPreviousAuthority& action);
  Outcome perform(const plan::RepublishTrust& action);
  Outcome perform(const plan::IssueLeaves& action);
  Outcome perform(const plan::MintToken& action);
  Outcome perform(const plan::SwitchToken& action);
  Outcome perform(const plan::DropOldToken& action);

 private:
  SecretEditor& secrets_;
  const api::Cluster& cluster_;
  const int64_t now_unix_;
  const std::string_view known_anchors_;
};

}  // namespace ferro::oper::exec
