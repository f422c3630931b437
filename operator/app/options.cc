#include "operator/app/options.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "common/obs/log.h"
#include "operator/app/address.h"
#include "operator/app/version.h"

namespace ferro::oper::app {
namespace {

constexpr std::string_view kVariablePrefix = "FERROCACHE_OPERATOR_";

// Comma-separated; blanks around names are dropped.
bool set_namespaces(const std::string& text, Options& options) {
  options.watch_namespaces.clear();
  for (size_t from = 0; from <= text.size();) {
    const size_t comma = std::min(text.find(',', from), text.size());
    std::string name = text.substr(from, comma - from);
    name.erase(0, name.find_first_not_of(' '));
    name.erase(name.find_last_not_of(' ') + 1);
    from = comma + 1;
    if (name.empty()) continue;
    const bool good = name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                      });
    if (!good) return false;
    options.watch_namespaces.push_back(std::move(name));
  }
  std::sort(options.watch_namespaces.begin(), options.watch_namespaces.end());
  const auto twice = std::unique(options.watch_namespaces.begin(), options.watch_namespaces.end());
  options.watch_namespaces.erase(twice, options.watch_namespaces.end());
  return true;
}

struct Flag {
  const char* name;     // without the dashes
  const char* value;    // in the help text
  const char* meaning;  // and what must be said
  std::function<bool(const std::string& text, Options& options)> set;
};

std::function<bool(const std::string&, Options&)> text_into(std::string Options::*member) {
  return [member](const std::string& text, Options& options) {
    options.*member = text;
    return true;
  };
}
std::function<bool(const std::string&, Options&)> address_into(std::string Options::*member) {
  return [member](const std::string& text, Options& options) {
    options.*member = text;
    return parse_address(text).ok();
  };
}

const std::vector<Flag>& flags() {
  static const std::vector<Flag> all = {
      {"watch-namespaces", "A,B", "namespaces to look after, comma-separated; default: all", set_namespaces},
      {"kubeconfig", "FILE",
       "how to reach the API server from outside a pod; default: the pod's service account",
       text_into(&Options::kubeconfig)},
      {"metrics-addr", "HOST:PORT", "where /metrics is served; default: :8080",
       address_into(&Options::metrics_addr)},
      {"health-addr", "HOST:PORT", "where /healthz and /readyz are served; default: :8081",
       address_into(&Options::health_addr)},
      {"lease-namespace", "NAME",
       "namespace of the Lease by which one of several operators is chosen; default: its own",
       text_into(&Options::lease_namespace)},
      {"lease-name", "NAME", "name of that Lease; default: ferrocache-operator",
       [](const std::string& text, Options& options) {
         options.lease_name = text;
         return !text.empty();
       }},
      {"node-image", "IMAGE",
       "image of nodes for clusters that name none; default: ferrocached of this release",
       text_into(&Options::node_image)},
      {"log-level", "LEVEL", "trace, debug, info, warn, error or off; default: info",
       [](const std::string& text, Options& options) {
         options.log_level = text;
         return obs::parse_level(text).ok();
       }},
      {"log-format", "FORMAT", "text, json or auto (text on a terminal); default: auto",
       [](const std::string& text, Options& options) {
         options.log_format = text;
         return text == "text" || text == "json" || text == "auto";
       }},
  };
  return all;
}

std::string variable_of(const Flag& flag) {
  std::string name = std::string(kVariablePrefix) + flag.name;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return name;
}

// A Service named ferrocache-operator or ferrocache-operator-x puts such into every pod of its namespace.
bool is_service_variable(std::string_view name) {
  return name.find("_SERVICE_HOST") != std::string_view::npos ||
         name.find("_SERVICE_PORT") != std::string_view::npos ||
         name.find("_PORT_") != std::string_view::npos || name.ends_with("_PORT");
}

Status apply(const Flag& flag, const std::string& value, const std::string& where, Options& options) {
  if (flag.set(value, options)) return {};
  return Status::invalid(where + " is \"" + value + "\", but must be " + flag.value + ": " + flag.meaning);
}

Status apply_environment(const Environment& environment, Options& options) {
  for (const auto& [name, value] : environment) {
    if (!std::string_view(name).starts_with(kVariablePrefix) || is_service_variable(name)) continue;
    const auto flag = std::find_if(flags().begin(), flags().end(),
                                   [&name = name](const Flag& each) { return variable_of(each) == name; });
    if (flag == flags().end()) return Status::invalid("unknown variable " + name + "; see --help");
    FERRO_RETURN_IF_ERROR(apply(*flag, value, name, options));
  }
  return {};
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments, const Environment& environment) {
  Options options;
  FERRO_RETURN_IF_ERROR(apply_environment(environment, options));
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.mode = Mode::help;
      return options;
    }
    if (argument == "--version") {
      options.mode = Mode::version;
      return options;
    }
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const auto flag = std::find_if(flags().begin(), flags().end(), [&name](const Flag& each) {
      return name == std::string("--") + each.name;
    });
    if (flag == flags().end()) return Status::invalid("unknown argument " + name + "; see --help");
    if (equals == std::string::npos && i + 1 == arguments.size()) {
      return Status::invalid(name + " needs a value: " + flag->meaning);
    }
    const std::string value = equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1);
    FERRO_RETURN_IF_ERROR(apply(*flag, value, name, options));
  }
  if (options.node_image.empty()) options.node_image = std::string("ferrocached:") + kVersion;
  return options;
}

std::string help_text() {
  std::string text =
      "ferrocache-operator: turns FerroCacheCluster resources into running caches.\n\n"
      "usage: ferrocache-operator [flags]\n\n";
  for (const Flag& flag : flags()) {
    text += "  --" + std::string(flag.name) + " " + flag.value + "\n        " + flag.meaning + "\n        (" +
            variable_of(flag) + ")\n";
  }
  return text + "  --version\n        print the version and exit\n  --help\n        print this and exit\n";
}

Environment process_environment() {
  Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

}  // namespace ferro::oper::app
