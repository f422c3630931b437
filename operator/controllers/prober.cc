#include "operator/controllers/prober.h"

namespace ferro::oper::controllers {
namespace {

void probe_alike(nodeclient::NodeClient& nodes, const NodeAccessBook& book,
                 const std::vector<nodeclient::NodeAddress>& addresses, bool tls,
                 std::map<std::string, Probe>& out) {
  if (addresses.empty()) return;
  const auto access = book.access(tls);
  if (!access.ok()) {
    for (const nodeclient::NodeAddress& address : addresses)
      out[address.member].error = access.status().message();
    return;
  }
  const auto reports = nodes.reports(*access, addresses);
  for (size_t i = 0; i < addresses.size(); ++i) {
    Probe& probe = out[addresses[i].member];
    if (reports[i].ok()) {
      probe.report = *reports[i];
    } else {
      probe.error = reports[i].status().message();
    }
  }
}

// Those that have an address, by the way they were made.
struct Groups {
  std::vector<nodeclient::NodeAddress> with_tls, without;
};

Groups group(const api::Cluster& cluster, const std::vector<plan::PodView>& pods) {
  Groups groups;
  for (const plan::PodView& pod : pods) {
    if (pod.ip.empty() || pod.failed) continue;
    (pod.tls ? groups.with_tls : groups.without).push_back(address_of(cluster, pod));
  }
  return groups;
}

}  // namespace

std::map<std::string, Probe> probe_all(nodeclient::NodeClient& nodes, const NodeAccessBook& book,
                                       const api::Cluster& cluster, const std::vector<plan::PodView>& pods) {
  const Groups groups = group(cluster, pods);
  std::map<std::string, Probe> probes;
  probe_alike(nodes, book, groups.with_tls, true, probes);
  probe_alike(nodes, book, groups.without, false, probes);
  return probes;
}

std::map<std::string, nodeclient::NodeFigures> figures_all(nodeclient::NodeClient& nodes,
                                                           const NodeAccessBook& book,
                                                           const api::Cluster& cluster,
                                                           const std::vector<plan::PodView>& pods) {
  const Groups groups = group(cluster, pods);
  std::map<std::string, nodeclient::NodeFigures> found;
  for (const bool tls : {true, false}) {
    const auto& addresses = tls ? groups.with_tls : groups.without;
    const auto access = book.access(tls);
    if (addresses.empty() || !access.ok()) continue;
    const auto figures = nodes.figures(*access, addresses);
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (figures[i].ok()) found[addresses[i].member] = *figures[i];
    }
  }
  return found;
}

}  // namespace ferro::oper::controllers
