// Has every node loaded what a Secret holds? Asked before each step of a rotation that would shut out a node
// that has not. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "operator/plan/facts.h"
#include "operator/plan/limits.h"
#include "operator/plan/rules.h"

namespace ferro::oper::plan {

inline int64_t made_unix(const Authority& authority) noexcept {
  return authority.not_before_unix + kBackdateS;
}

struct Question {
  Rule rule;                                // if a node tells that it has not
  std::string what;                         // "trust the next authority": for the message
  int64_t asked_since = 0;                  // when the Secret got it
  bool of_tls_pods = false;                 // pods without mutual TLS have no say
  std::optional<int64_t> forced_from = {};  // from then on nobody is waited for who does not answer
  std::function<bool(const PodView&, const NodeReport&)> is_loaded = {};
};

// Nothing: everybody has, as far as that can be known. Who answers has a say, always. Who does not:
// - not scheduled, terminating or failed: not waited for;
// - its container has never run: what it will read is on its volume in kSecretSpreadS, whatever keeps it;
// - not ready: waited for as long as a kubelet may take to bring it what was published (kSilentPatienceS);
// - ready for its kubelet, so that clients depend on it: waited for until `forced_from`.
std::optional<Hold> ask_all(const Facts& facts, const Question& question);

// With tls.clientTLS clients read the bundle as well, from a Secret that kubelets of their own bring. Nobody
// can ask them whether they have this authority: they are given kSecretSpreadS before a certificate of it is
// shown.
std::optional<Hold> hold_of_clients(const Facts& facts, const Authority& authority);

}  // namespace ferro::oper::plan
