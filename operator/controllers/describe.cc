#include "operator/controllers/describe.h"

namespace ferro::oper::controllers {
namespace {

struct Details {
  std::string operator()(const plan::ApplyObjects& a) const {
    return "with " + std::to_string(a.statefulset_replicas) + " replicas";
  }
  std::string operator()(const plan::CreateAuthority& a) const { return generation(a.generation); }
  std::string operator()(const plan::PublishNextAuthority& a) const { return generation(a.generation); }
  std::string operator()(const plan::PromoteAuthority& a) const { return generation(a.generation); }
  std::string operator()(const plan::DropPreviousAuthority& a) const {
    return "before " + generation(a.generation);
  }
  std::string operator()(const plan::RepublishTrust& /*a*/) const { return {}; }
  std::string operator()(const plan::IssueLeaves& a) const {
    std::string text = "for";
    for (const int64_t ordinal : a.ordinals) text += " " + std::to_string(ordinal);
    return text;
  }
  std::string operator()(const plan::MintToken& a) const { return generation(a.generation); }
  std::string operator()(const plan::SwitchToken& a) const { return generation(a.generation); }
  std::string operator()(const plan::DropOldToken& a) const { return "before " + generation(a.generation); }
  std::string operator()(const plan::StartDrain& a) const { return a.member; }
  std::string operator()(const plan::CancelDrain& a) const { return a.member; }
  std::string operator()(const plan::DeletePod& a) const { return a.pod + " (" + a.reason + ")"; }
  std::string operator()(const plan::DeleteClaim& a) const { return a.claim + " (" + a.reason + ")"; }
  std::string operator()(const plan::GrowClaim& a) const { return a.claim + " to " + a.size; }
  std::string operator()(const plan::OwnClaim& a) const {
    return a.claim + (a.owned ? " (goes with the resource)" : " (stays when the resource goes)");
  }
  std::string operator()(const plan::RecreateStatefulSet& /*a*/) const { return {}; }
  std::string operator()(const plan::Compact& a) const { return a.member; }
  std::string operator()(const plan::SetReplicas& a) const {
    return "to " + std::to_string(a.replicas) + " (" + a.reason + ")";
  }

 private:
  static std::string generation(int64_t number) { return "generation " + std::to_string(number); }
};

}  // namespace

std::string describe(const plan::Action& action) {
  const std::string details = std::visit(Details(), action);
  return std::string(plan::name_of(action)) + (details.empty() ? "" : " " + details);
}

}  // namespace ferro::oper::controllers
