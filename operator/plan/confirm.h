// Has every node loaded what a Secret holds? Asked before each step of a rotation that would shut out a node
// that has not. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "operator/plan/facts.h"
#include "operator/plan/rules.h"

namespace ferro::oper::plan {

struct Question {
  Rule rule;                                // if a node tells that it has not
  std::string what;                         // "trust the next authority": for the message
  int64_t asked_since = 0;                  // when the Secret got it
  bool of_tls_pods = false;                 // pods without mutual TLS have no say
  std::optional<int64_t> forced_from = {};  // from then on nobody is waited for who does not answer
  std::function<bool(const PodView&, const NodeReport&)> is_loaded = {};
};

// Nothing: everybody has, as far as that can be known. Who answers has a say, always. Who does not:
// - no container has started: it reads what is in force when it does, nobody waits for it;
// - terminating or failed: not waited for;
// - not ready: waited for as long as a kubelet may take to bring it what was published (kSilentPatienceS);
// - ready for its kubelet, so that clients depend on it: waited for until `forced_from`.
std::optional<Hold> ask_all(const Facts& facts, const Question& question);

}  // namespace ferro::oper::plan
