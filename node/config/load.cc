#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include "common/io/small_file.h"
#include "node/config/checks.h"
#include "node/config/config.h"
#include "node/config/keys.h"
#include "node/config/sources.h"

namespace ferro::node::config {

namespace {

constexpr const char* kDefaultFile = "ferrocache.toml";
constexpr std::string_view kEnvironmentPrefix = "FERROCACHE_";

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

// A mistyped `auth_tokn` still holds a token.
bool may_be_secret(std::string_view name) {
  constexpr std::array<std::string_view, 7> kHints{"auth", "tok", "secret", "pass", "cred", "bearer", "key"};
  const std::string lower = lower_case(name);
  return std::any_of(kHints.begin(), kHints.end(),
                     [&](std::string_view hint) { return lower.find(hint) != std::string::npos; });
}

std::string shown(const RawValue& value) {
  return quoted_for_message(value.kind == RawValue::Kind::list ? print_list(value.items) : value.text);
}

Status unknown_key(const Setting& setting) {
  const bool is_variable = setting.source == Source::environment;
  std::string message = "unknown key " + quoted_for_message(setting.key);
  if (!may_be_secret(setting.key)) message += ", value " + shown(setting.value);
  message += " (" + setting.where + ")";
  std::string meant = lower_case(setting.key);
  if (is_variable) meant.erase(0, kEnvironmentPrefix.size());
  if (const std::string_view close = closest_key(meant); !close.empty()) {
    message += "; did you mean " + (is_variable ? environment_name(close) : std::string(close)) + "?";
  }
  return Status::invalid(message + "; allowed: the keys that --help lists");
}

Status not_allowed(const Key& key, const Setting& setting) {
  std::string message = std::string(key.name) + ": ";
  message += key.secret ? "its value" : shown(setting.value);
  message += " is not allowed; allowed: " + key.allowed;
  // TOML's 007 or 1e3 would not arrive as it was written.
  if (setting.value.kind == RawValue::Kind::typed && (key.type == "text" || key.type == "choice")) {
    message += ", in quotes";
  }
  return Status::invalid(message + " (" + setting.where + ")");
}

using SourceByKey = std::map<std::string_view, Source>;

// Later settings win: the caller passes the weaker source first.
Status apply(const std::vector<Setting>& settings, Config& config, SourceByKey& sources) {
  for (const Setting& setting : settings) {
    const Key* const key = find_key(setting.key);
    if (key == nullptr) {
      const bool is_empty = setting.value.kind == RawValue::Kind::empty_section ||
                            setting.value.kind == RawValue::Kind::nothing;
      if (is_empty && is_section(setting.key)) continue;
      return unknown_key(setting);
    }
    if (setting.value.kind == RawValue::Kind::nothing) continue;
    if (!key->set(setting.value, config)) return not_allowed(*key, setting);
    sources[key->name] = setting.source;
  }
  return {};
}

// A key twice in one file is a mistake of whoever merged it, and which one wins would be a guess.
Status check_no_repeats(const std::vector<Setting>& settings) {
  std::set<std::string_view> seen;
  for (const Setting& setting : settings) {
    if (!seen.insert(setting.key).second) {
      return Status::invalid(one_line(setting.key) + ": set twice (" + setting.where + ")");
    }
  }
  return {};
}

Result<std::vector<Setting>> file_settings(const std::optional<std::string>& named_path) {
  const std::string path = named_path.value_or(kDefaultFile);
  auto settings = read_settings_file(path);
  if (!settings.ok()) {
    if (!named_path && settings.status().code() == StatusCode::not_found) return std::vector<Setting>{};
    return settings.status();
  }
  FERRO_RETURN_IF_ERROR(check_no_repeats(*settings));
  return settings;
}

std::string print(const Config& config, const SourceByKey& sources) {
  std::string out;
  for (const Key& key : all_keys()) {
    const auto source = sources.find(key.name);
    out.append(key.name).append(" = ").append(key.print(config)).append("  # ");
    out.append(to_string(source == sources.end() ? Source::defaults : source->second)).append("\n");
  }
  return out;
}

}  // namespace

std::string_view to_string(Source source) noexcept {
  switch (source) {
    case Source::defaults:
      return "default";
    case Source::file:
      return "file";
    case Source::environment:
      return "environment";
    case Source::command_line:
      return "command line";
  }
  return "unknown";
}

Result<std::vector<Setting>> read_settings_file(const std::string& path) {
  const bool is_toml = path.ends_with(".toml");
  if (!is_toml && !path.ends_with(".yaml") && !path.ends_with(".yml")) {
    return Status::invalid("config: " + quoted_for_message(path) +
                           " is not allowed; allowed: a path that ends in .toml, .yaml or .yml");
  }
  auto content = io::read_small_file(path, kFileBytesMax);
  if (!content.ok()) return content.status().with_context("config");
  return is_toml ? parse_toml(*content, path) : parse_yaml(*content, path);
}

Result<Invocation> load(const std::vector<std::string>& arguments, const Environment& environment) {
  FERRO_ASSIGN_OR_RETURN(CommandLine line, parse_command_line(arguments));
  Invocation invocation;
  invocation.mode = line.mode;
  invocation.salvage = line.salvage;
  // Help must come whatever else is wrong.
  if (line.mode == Mode::help || line.mode == Mode::version) return invocation;

  SourceByKey sources;
  FERRO_ASSIGN_OR_RETURN(const std::vector<Setting> from_file, file_settings(line.config_path));
  FERRO_RETURN_IF_ERROR(apply(from_file, invocation.config, sources));
  FERRO_RETURN_IF_ERROR(apply(settings_of(environment), invocation.config, sources));
  FERRO_RETURN_IF_ERROR(apply(line.settings, invocation.config, sources));
  if (line.mode == Mode::print_config) {
    // Without the rules between keys: who looks for the one that breaks a rule must be able to see them all.
    invocation.printed = print(invocation.config, sources);
    return invocation;
  }
  FERRO_RETURN_IF_ERROR(check_combinations(invocation.config));
  return invocation;
}

std::vector<std::string> changed_keys(const Config& before, const Config& after) {
  std::vector<std::string> changed;
  for (const Key& key : all_keys()) {
    if (!key.equal(before, after)) changed.emplace_back(key.name);
  }
  return changed;
}

std::string help_text() {
  std::string out =
      "ferrocached: the FerroCache cache node\n"
      "\n"
      "Usage: ferrocached [--KEY VALUE | --KEY=VALUE]... [OPTION]...\n"
      "\n"
      "  --config PATH   read settings from PATH (.toml, .yaml, .yml); otherwise ./ferrocache.toml, if there "
      "is one\n"
      "  --check-config  validate the configuration and the token and TLS files that it names, and exit\n"
      "  --print-config  print the configuration in force and where each value comes from, and exit\n"
      "  --health        ask the running node of this configuration whether it is ready: exit 0 if so\n"
      "  --salvage       start although the log is damaged: recover all that verifies, report what is lost\n"
      "  --version       print the version and exit\n"
      "  --help          print this and exit\n"
      "\n"
      "Precedence: command line, environment, file, default. The environment variable of a key is "
      "FERROCACHE_ and the\n"
      "key in upper case with __ for each point: FERROCACHE_HNSW__EF_SEARCH.\n"
      "\n"
      "Keys, with default and allowed values:\n";
  const Config defaults;
  for (const Key& key : all_keys()) {
    const std::string value = key.print(defaults);
    out.append("  ").append(key.name).append(" = ").append(value.empty() ? "(empty)" : value);
    out.append("\n      ").append(key.type).append(": ").append(key.allowed).append("\n");
  }
  return out;
}

}  // namespace ferro::node::config
