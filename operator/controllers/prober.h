// Asks every pod that can be asked what it reports.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "operator/controllers/node_access.h"
#include "operator/controllers/observed.h"

namespace ferro::oper::controllers {

std::map<std::string, Probe> probe_all(nodeclient::NodeClient& nodes, const NodeAccessBook& book,
                                       const api::Cluster& cluster, const std::vector<plan::PodView>& pods);

// Figures for the autoscaler, of the pods that answer.
std::map<std::string, nodeclient::NodeFigures> figures_all(nodeclient::NodeClient& nodes,
                                                           const NodeAccessBook& book,
                                                           const api::Cluster& cluster,
                                                           const std::vector<plan::PodView>& pods);

}  // namespace ferro::oper::controllers
