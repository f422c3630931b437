#include "node/app/live_settings.h"

#include <utility>

#include "common/obs/log.h"
#include "node/app/environment.h"

namespace ferro::node::app {

void LiveSettings::poll(bool asked) {
  const auto again = config::load(arguments_, process_environment());
  if (again.ok()) return take_over(again->config, asked);
  const std::string reason = again.status().message();
  if (asked || reason != told_)
    obs::error("the configuration could not be read again; nothing changed", {{"reason", reason}});
  told_ = reason;
}

void LiveSettings::take_over(const config::Config& wanted, bool asked) {
  if (wanted.log.level != in_force_.log.level) {
    const auto level = obs::parse_level(wanted.log.level);
    if (!level.ok()) return;
    obs::set_level(*level);
    in_force_.log.level = wanted.log.level;
    obs::info("the log level has changed", {{"log_level", wanted.log.level}});
  }
  std::string waiting;
  for (const std::string& key : config::changed_keys(in_force_, wanted))
    waiting.append(waiting.empty() ? "" : ", ").append(key);
  if (!waiting.empty() && (asked || waiting != told_))
    obs::warn("changed settings count from the next start on", {{"keys", waiting}});
  told_ = std::move(waiting);
  if (asked) obs::info("reloaded on SIGHUP", {{"log_level", in_force_.log.level}});
}

}  // namespace ferro::node::app
