// Pods, claims and StatefulSets as the planner sees them. Pure.
#pragma once

#include <string_view>

#include "operator/controllers/fields.h"
#include "operator/plan/world.h"

namespace ferro::oper::controllers {

plan::PodView view_pod(const Json& pod, std::string_view cluster, int64_t ordinal);
plan::ClaimView view_claim(const Json& claim, int64_t ordinal);
plan::StatefulSetView view_statefulset(const Json& statefulset, std::string_view cluster);

}  // namespace ferro::oper::controllers
