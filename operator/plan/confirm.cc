#include "operator/plan/confirm.h"

#include "operator/api/names.h"

namespace ferro::oper::plan {
namespace {

bool is_waited_for(const Facts& facts, const Question& question, const PodView& pod) {
  if (pod.terminating || pod.failed || !pod.scheduled) return false;
  if (question.forced_from && facts.now >= *question.forced_from) return false;
  const int64_t patience = pod.never_ran ? kSecretSpreadS : kSilentPatienceS;
  return pod.ready || facts.now < question.asked_since + patience;
}

}  // namespace

std::optional<Hold> ask_all(const Facts& facts, const Question& question) {
  for (const PodView& pod : facts.world.pods) {
    if (question.of_tls_pods && !pod.tls) continue;
    if (pod.report) {
      if (question.is_loaded(pod, *pod.report)) continue;
      return Hold{question.rule, pod.name, pod.name + " does not " + question.what + " yet"};
    }
    if (!is_waited_for(facts, question, pod)) continue;
    return Hold{Rule::member_unreachable, pod.name,
                pod.name + " " + describe(pod) + ": it is not known whether it does " + question.what};
  }
  return std::nullopt;
}

std::optional<Hold> hold_of_clients(const Facts& facts, const Authority& authority) {
  if (!facts.spec.tls.client_tls || facts.now >= made_unix(authority) + kSecretSpreadS) return std::nullopt;
  return Hold{Rule::trust_not_loaded, "",
              "clients are given " + std::to_string(kSecretSpreadS) + " seconds to read authority " +
                  std::to_string(authority.generation) + " from " +
                  api::trust_secret(facts.world.cluster.name)};
}

}  // namespace ferro::oper::plan
