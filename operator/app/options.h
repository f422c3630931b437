// What the operator is started with: flags, and FERROCACHE_OPERATOR_* variables for what no flag says.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace ferro::oper::app {

enum class Mode : uint8_t { run, help, version };

struct Options {
  Mode mode = Mode::run;
  std::vector<std::string> watch_namespaces;  // empty = all
  std::string kubeconfig;                     // empty = the pod's service account
  std::string metrics_addr = ":8080";
  std::string health_addr = ":8081";
  std::string lease_namespace;  // empty = the namespace that the operator runs in
  std::string lease_name = "ferrocache-operator";
  std::string node_image;  // empty = this release's
  std::string log_level = "info";
  std::string log_format = "auto";
};

using Environment = std::map<std::string, std::string>;

// The command line wins over the environment. invalid_argument, as one line that names the flag or variable,
// for what is unknown or cannot be meant. Variables that Kubernetes itself makes for Services of our name are
// passed over.
Result<Options> parse_options(const std::vector<std::string>& arguments, const Environment& environment);
std::string help_text();
Environment process_environment();

}  // namespace ferro::oper::app
