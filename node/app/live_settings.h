// The settings that count without a restart: log.level. The configuration is looked at as often as mounted
// secrets: Kubernetes changes a mounted file under the running process and tells nobody.
//
// Owned by run(), main thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "node/config/config.h"

namespace ferro::node::app {

class LiveSettings {
 public:
  // `in_force`: what the process was started with. `arguments` outlives this.
  LiveSettings(config::Config in_force, const std::vector<std::string>& arguments)
      : in_force_(std::move(in_force)), arguments_(arguments) {}

  // Says once, not at every look, what cannot be read or would need a restart; `asked`: says so anyway.
  void poll(bool asked);

 private:
  void take_over(const config::Config& wanted, bool asked);

  config::Config in_force_;
  const std::vector<std::string>& arguments_;
  std::string told_;
};

}  // namespace ferro::node::app
