// What the operator does in one step or in several, by the name that status.blockedBy gives as `action`. To
// find out why one does not happen, read the file that is named here: every `draft.hold(kName, ...)` in it is
// a reason for which it waits, and those of taking a member out of service stand in gate.cc.
// docs/operator/blocked.md has a line for each; a test holds that.
#pragma once

#include <string_view>

namespace ferro::oper::plan {

// objects.cc
inline constexpr std::string_view kApply = "Apply";            // objects as the spec renders to
inline constexpr std::string_view kCreate = "Create";          // the first pods
inline constexpr std::string_view kWake = "Wake";              // pods again after hibernation
inline constexpr std::string_view kHibernate = "Hibernate";    // no pods
inline constexpr std::string_view kScaleUp = "ScaleUp";        // more pods
inline constexpr std::string_view kStartPod = "StartPod";      // by the StatefulSet's controller, not by us
inline constexpr std::string_view kRestartAll = "RestartAll";  // tls.enabled was changed
// scale_down.cc; the last step, a replica less, is objects.cc's, the claim that is left over storage.cc's.
inline constexpr std::string_view kScaleDown = "ScaleDown";
// roll.cc
inline constexpr std::string_view kRoll = "Roll";
// storage.cc
inline constexpr std::string_view kReplaceVolume = "ReplaceVolume";
inline constexpr std::string_view kGrowStorage = "GrowStorage";
// authority.cc
inline constexpr std::string_view kReplaceCa = "ReplaceCA";
// leaves.cc
inline constexpr std::string_view kRenewCertificates = "RenewCertificates";
// tokens.cc
inline constexpr std::string_view kRotateToken = "RotateToken";
inline constexpr std::string_view kLoadTokens = "LoadTokens";  // of auth.existingSecret
// compaction.cc
inline constexpr std::string_view kCompact = "Compact";
// autoscaling.cc
inline constexpr std::string_view kAutoscale = "Autoscale";

}  // namespace ferro::oper::plan
