#include "operator/plan/confirm.h"

#include "operator/plan/limits.h"

namespace ferro::oper::plan {
namespace {

bool is_waited_for(const Facts& facts, const Question& question, const PodView& pod) {
  if (pod.terminating || pod.failed || !pod.scheduled) return false;
  if (question.forced_from && facts.now >= *question.forced_from) return false;
  return pod.ready || facts.now < question.asked_since + kSilentPatienceS;
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

}  // namespace ferro::oper::plan
