#include <toml++/toml.h>

#include <string>

#include "node/config/sources.h"

namespace ferro::node::config {

namespace {

std::string place(const std::string& path, const toml::source_position& position) {
  return path + ", line " + std::to_string(position.line);
}

RawValue scalar_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return RawValue::of_text(text->get());
  RawValue value{RawValue::Kind::typed, {}, {}};
  if (const auto* integer = node.as_integer()) {
    value.text = std::to_string(integer->get());
  } else if (const auto* number = node.as_floating_point()) {
    value.text = print_number(number->get());
  } else if (const auto* boolean = node.as_boolean()) {
    value.text = boolean->get() ? "true" : "false";
  } else {
    value.text = "a date or time";
  }
  return value;
}

RawValue array_of(const toml::array& array) {
  RawValue value{RawValue::Kind::list, {}, {}};
  for (const toml::node& item : array) {
    const auto* text = item.as_string();
    if (text == nullptr) return {RawValue::Kind::typed, "an array of something else than strings", {}};
    value.items.push_back(text->get());
  }
  return value;
}

Status flatten(const toml::table& table, const std::string& prefix, size_t depth, const std::string& path,
               std::vector<Setting>& out) {
  for (const auto& [name, node] : table) {
    Setting setting{prefix + std::string(name.str()), {}, Source::file, place(path, node.source().begin)};
    if (out.size() >= kFileSettingsMax || depth >= kFileDepthMax) {
      return Status::invalid(setting.where + ": too many or too deeply nested settings");
    }
    const toml::table* section = node.as_table();
    if (section != nullptr && !section->empty()) {
      FERRO_RETURN_IF_ERROR(flatten(*section, setting.key + ".", depth + 1, path, out));
      continue;
    }
    if (section != nullptr) {
      setting.value.kind = RawValue::Kind::empty_section;
    } else if (const toml::array* array = node.as_array()) {
      setting.value = array_of(*array);
    } else {
      setting.value = scalar_of(node);
    }
    out.push_back(std::move(setting));
  }
  return {};
}

// The parser quotes the text that it stumbled over, and that may be a token: only what stands before a quote
// is shown.
std::string without_quotes(std::string_view reason) {
  return std::string(reason.substr(0, reason.find_first_of("'\"`:;")));
}

}  // namespace

Result<std::vector<Setting>> parse_toml(std::string_view content, const std::string& path) {
  try {
    const toml::table table = toml::parse(content);
    std::vector<Setting> settings;
    FERRO_RETURN_IF_ERROR(flatten(table, "", 0, path, settings));
    return settings;
  } catch (const toml::parse_error& error) {
    return Status::invalid(place(path, error.source().begin) + ", column " +
                           std::to_string(error.source().begin.column) + ": not valid TOML (" +
                           without_quotes(error.description()) + ")");
  } catch (const std::exception&) {
    return Status::invalid(path + ": not valid TOML");
  }
}

}  // namespace ferro::node::config
