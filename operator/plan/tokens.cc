// Clients' tokens: minted beside the old one, given to clients when every node accepts it, the old one
// dropped when its overlap is over and nobody sends it any more. docs/operator/operations.md, "Rotating the
// token".
#include <algorithm>

#include "operator/api/bounds.h"
#include "operator/plan/confirm.h"
#include "operator/plan/limits.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

// Beyond every generation that anybody has heard of, so that "has loaded it" cannot be said of an earlier
// one.
int64_t first_generation(const Facts& facts) {
  int64_t known = facts.remembered.token_generation;
  for (const PodView& pod : facts.world.pods) {
    const int64_t loaded = pod.report ? pod.report->token_generation : 0;
    if (loaded <= api::bounds::kGenerationMax) known = std::max(known, loaded);  // else a number nobody gave
  }
  return known + 1;
}

void switch_to_newest(const Facts& facts, Draft& draft) {
  const TokenView& tokens = facts.world.tokens;
  draft.look_soon();
  Question question{Rule::token_not_loaded, "accept the new token", tokens.minted_unix};
  question.is_loaded = [&](const PodView&, const NodeReport& report) {
    return !report.auth_enabled || report.token_generation >= tokens.newest_generation;
  };
  if (auto hold = ask_all(facts, question)) return draft.hold(kRotateToken, std::move(*hold));
  draft.act(SwitchToken{tokens.newest_generation});
  draft.event(false, "TokenSwitched",
              "every member accepts token generation " + std::to_string(tokens.newest_generation) +
                  ": clients get it now");
}

// Who has seen an older token of late.
struct UseOfOld {
  const PodView* pod = nullptr;  // the first member that has; null = none
  int64_t over_unix = 0;         // when it will count as unused by all, if nobody sends it again
};

UseOfOld find_use_of_old(const Facts& facts) {
  const int64_t unused_s = std::clamp(facts.spec.auth.overlap_s, kTokenUnusedMinS, kTokenUnusedMaxS);
  UseOfOld found;
  for (const PodView& pod : facts.world.pods) {
    if (!pod.report) continue;
    for (const auto& [generation, used] : pod.report->token_last_used_unix) {
      const int64_t over = used + unused_s;
      if (generation >= facts.world.tokens.current_generation || over <= facts.now) continue;
      if (found.pod == nullptr) found.pod = &pod;
      found.over_unix = std::max(found.over_unix, over);
    }
  }
  return found;
}

// A ready member that does not answer may have clients with the old token.
const PodView* find_silent(const Facts& facts) {
  for (const PodView& pod : facts.world.pods) {
    if (pod.ready && !pod.report && !pod.terminating) return &pod;
  }
  return nullptr;
}

void drop_old(const Facts& facts, Draft& draft, bool is_due_again) {
  const TokenView& tokens = facts.world.tokens;
  const int64_t overlap = facts.spec.auth.overlap_s;
  const int64_t ends = tokens.switched_unix + overlap;
  const int64_t latest = tokens.switched_unix + std::max(kOverlapsAtMost * overlap, kDropAnywayMinS);
  draft.look_at(latest);
  if (facts.now < ends) {
    draft.look_at(ends);
    if (is_due_again)
      draft.hold(kRotateToken,
                 {Rule::overlap_running, "",
                  "the former token is still accepted (auth.overlap); the next rotation comes after it"});
    return;
  }
  if (facts.now < latest) {
    if (const UseOfOld use = find_use_of_old(facts); use.pod != nullptr) {
      draft.look_at(use.over_unix);
      return draft.hold(kRotateToken, {Rule::old_token_in_use, use.pod->name,
                                       "clients of " + use.pod->name +
                                           " still send the former token; it is dropped when none "
                                           "does, or after ten overlaps (at least ten minutes)"});
    }
    if (const PodView* silent = find_silent(facts))
      return draft.hold(kRotateToken,
                        {Rule::member_unreachable, silent->name,
                         silent->name + " " + describe(*silent) +
                             ": it is not known whether clients still send it the former token"});
  }
  draft.act(DropOldToken{tokens.current_generation});
  draft.event(
      false, "OldTokenDropped",
      "only token generation " + std::to_string(tokens.current_generation) + " is accepted from now on");
}

}  // namespace

void plan_tokens(const Facts& facts, Draft& draft) {
  const auto& auth = facts.spec.auth;
  const TokenView& tokens = facts.world.tokens;
  if (!auth.enabled) return;
  if (tokens.external) {
    const std::string secret = "Secret " + auth.existing_secret.value_or("");
    if (!tokens.exists)
      draft.hold(kLoadTokens,
                 {Rule::external_secret_missing, "", secret + " of auth.existingSecret does not exist"});
    if (!tokens.damaged.empty())
      draft.hold(kLoadTokens, {Rule::token_secret_damaged, "", secret + ": " + tokens.damaged});
    return;
  }
  if (tokens.exists && !tokens.damaged.empty()) {
    return draft.hold(kRotateToken,
                      {Rule::token_secret_damaged, "",
                       tokens.damaged + "; put it right, or delete the Secret to have new tokens made"});
  }
  if (!tokens.exists) {
    const int64_t generation = first_generation(facts);
    draft.act(MintToken{generation, auth.rotate_generation});
    if (generation > 1)
      draft.event(true, "TokensLost",
                  "the Secret with the tokens is gone: a new one is made, clients have to read it");
    return;
  }
  if (tokens.newest_generation > tokens.current_generation) return switch_to_newest(facts, draft);
  const bool is_asked = auth.rotate_generation > tokens.rotated_generation;
  const bool is_old = auth.rotation_interval_s && facts.now >= tokens.minted_unix + *auth.rotation_interval_s;
  if (tokens.previous_generation) return drop_old(facts, draft, is_asked);
  if (is_asked || is_old) {
    const int64_t generation = tokens.newest_generation + 1;
    draft.act(MintToken{generation, std::max(auth.rotate_generation, tokens.rotated_generation)});
    draft.event(false, "TokenMinted",
                "token generation " + std::to_string(generation) + " is made: " +
                    (is_asked ? "auth.rotateGeneration was raised" : "the present one is old"));
    return;
  }
  if (auth.rotation_interval_s) draft.look_at(tokens.minted_unix + *auth.rotation_interval_s);
}

}  // namespace ferro::oper::plan
