#include <array>
#include <utility>

#include "node/config/keys.h"
#include "node/config/sources.h"

namespace ferro::node::config {

namespace {

struct ModeFlag {
  std::string_view name;
  Mode mode;
};
// The first of these that the command line names wins, in this order.
constexpr std::array<ModeFlag, 5> kModes{{{"help", Mode::help},
                                          {"version", Mode::version},
                                          {"health", Mode::health},
                                          {"print-config", Mode::print_config},
                                          {"check-config", Mode::check_config}}};

const ModeFlag* find_mode(std::string_view name) {
  for (const ModeFlag& flag : kModes) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

void choose(CommandLine& line, const ModeFlag& flag) {
  for (const ModeFlag& known : kModes) {
    if (known.mode == line.mode) return;
    if (known.mode == flag.mode) break;
  }
  line.mode = flag.mode;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CommandLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "-h") {
      choose(line, kModes.front());
      continue;
    }
    if (!argument.starts_with("--") || argument.size() == 2) {
      return Status::invalid("unexpected argument " + quoted_for_message(argument) +
                             "; allowed are --key value, --key=value and the options of --help");
    }
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    const ModeFlag* const mode = find_mode(name);
    if (mode != nullptr || name == "salvage") {
      if (equals != std::string_view::npos)
        return Status::invalid("--" + std::string(name) + " takes no value");
      if (mode != nullptr) choose(line, *mode);
      if (mode == nullptr) line.salvage = true;
      continue;
    }
    std::string value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size() && !arguments[i + 1].starts_with("--")) {
      value = arguments[++i];
    } else {
      return Status::invalid("--" + one_line(name) + " needs a value: --" + one_line(name) + "=VALUE" +
                             (find_key(name) != nullptr ? ", " + find_key(name)->allowed : ""));
    }
    if (name == "config") {
      line.config_path = std::move(value);
    } else {
      line.settings.push_back(
          {std::string(name), RawValue::of_text(std::move(value)), Source::command_line, "command line"});
    }
  }
  return line;
}

}  // namespace ferro::node::config
