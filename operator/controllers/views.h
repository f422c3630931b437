// Pods, claims and StatefulSets as the planner sees them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "operator/controllers/fields.h"
#include "operator/plan/world.h"

namespace ferro::oper::controllers {

plan::PodView view_pod(const Json& pod, std::string_view cluster, int64_t ordinal);
plan::ClaimView view_claim(const Json& claim, int64_t ordinal);
plan::StatefulSetView view_statefulset(const Json& statefulset, std::string_view cluster);

// The image that a cluster without spec.image is to keep: that of most pods that are ready; else the
// StatefulSet's, unless a pod waits because it cannot be pulled. Empty = the operator's own release.
std::string running_image(const Json& statefulset, const std::vector<const Json*>& pods);

// cluster.id of the nodes: what our StatefulSet (null = there is none) or our ConfigMap was made with; before
// there is either, what the volumes belong to that a deleted cluster of this name left behind, or that are
// this one's own. Empty = the resource's uid. A claim that goes with something else, or is going, is not
// taken up.
std::string volumes_id(const Json* statefulset, const Json* config_map,
                       const std::vector<const Json*>& claims, const api::Cluster& cluster);

}  // namespace ferro::oper::controllers
