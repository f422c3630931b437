// Where settings come from: file, environment, command line. Each source only lists what was said, in order;
// whether a key exists and a value is allowed is decided for all alike in load.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "node/config/config.h"
#include "node/config/values.h"

namespace ferro::node::config {

enum class Source : uint8_t { defaults, file, environment, command_line };
std::string_view to_string(Source source) noexcept;  // as --print-config shows it

struct Setting {
  std::string key;
  RawValue value;
  Source source = Source::defaults;
  std::string
      where;  // for messages: "ferrocache.toml, line 3", "environment FERROCACHE_PORT", "command line"
};

// A whole configuration file's bound; the commented sample has a tenth of it.
inline constexpr size_t kFileBytesMax = 1 << 20;
// Sections in sections: real keys nest three deep. Bounds recursion, aliases that contain themselves
// included.
inline constexpr size_t kFileDepthMax = 8;
// Settings in one file: far above the number of keys, far below what aliases could multiply a small file to.
inline constexpr size_t kFileSettingsMax = 10'000;

// `.toml`, `.yaml` or `.yml` by the path's ending. Errors name path and line, never text of the file: it may
// hold a token.
Result<std::vector<Setting>> read_settings_file(const std::string& path);
Result<std::vector<Setting>> parse_toml(std::string_view content, const std::string& path);
Result<std::vector<Setting>> parse_yaml(std::string_view content, const std::string& path);

// Every FERROCACHE_* that is not one of the names that Kubernetes and the clients use. Unknown names come
// with the key that they would mean, so that the check of keys refuses them.
std::vector<Setting> settings_of(const Environment& environment);

struct CommandLine {
  Mode mode = Mode::run;
  bool salvage = false;
  std::optional<std::string> config_path;
  std::vector<Setting> settings;
};
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace ferro::node::config
