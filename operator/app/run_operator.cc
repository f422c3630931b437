#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "common/crypto/random.h"
#include "common/obs/log.h"
#include "operator/app/operator_app.h"
#include "operator/app/version.h"
#include "operator/k8s/cpprest_transport.h"

namespace ferro::oper::app {
namespace {

std::string environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Unique for every process: a container that starts anew in its pod must not take itself for its predecessor.
std::string make_identity() {
  std::string name = environment_variable("POD_NAME");
  if (name.empty()) {
    std::array<char, 256> host{};
    name = ::gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "unknown";
  }
  std::array<char, 17> random{};
  std::snprintf(random.data(), random.size(), "%016llx",
                static_cast<unsigned long long>(crypto::random_u64()));
  return name + "_" + random.data();
}

Result<k8s::Access> find_access(const Options& options) {
  if (!options.kubeconfig.empty()) return k8s::kubeconfig_access(options.kubeconfig);
  auto access = k8s::in_cluster_access(environment_variable);
  if (!access.ok()) return access.status().with_context("outside a pod say --kubeconfig FILE");
  return access;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text.empty() ? "all" : text;
}

Status run(const Options& options, Ended& ended) {
  FERRO_ASSIGN_OR_RETURN(const k8s::Access access, find_access(options));
  const SystemClock clock;  // outlives the transport
  FERRO_ASSIGN_OR_RETURN(auto transport, k8s::make_cpprest_transport(access, clock));
  obs::info("starting", {{"version", kVersion},
                         {"server", k8s::to_text(access.server)},
                         {"access", access.source},
                         {"namespaces", joined(options.watch_namespaces)},
                         {"node_image", options.node_image}});
  OperatorApp app(options, access, std::move(transport), make_identity());
  FERRO_RETURN_IF_ERROR(app.start());
  ended = app.run();
  return {};
}

}  // namespace

int run_operator(const Options& options) {
  Ended ended = Ended::stopped;
  const Status status = run(options, ended);
  if (!status.ok()) {
    std::fprintf(stderr, "ferrocache-operator: %s\n", status.message().c_str());
    return 1;
  }
  return ended == Ended::stopped ? 0 : 1;
}

}  // namespace ferro::oper::app
