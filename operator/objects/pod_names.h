// Names inside a pod that more than one place knows.
#pragma once

#include <string_view>

namespace ferro::oper::objects {

inline constexpr std::string_view kContainer = "ferrocached";
inline constexpr std::string_view kHttpPortName = "http";
inline constexpr std::string_view kInternalPortName = "internal";
inline constexpr std::string_view kPeerPortName = "peer";
inline constexpr std::string_view kDataVolume = "data";

}  // namespace ferro::oper::objects
