// Fields of objects as the API server sends them, whatever shape they have. Pure.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace ferro::oper::exec {

// Empty if it is absent or no text.
inline std::string text_field(const nlohmann::json& object, std::string_view name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

inline std::string metadata_text(const nlohmann::json& object, std::string_view name) {
  if (!object.is_object()) return {};
  const auto metadata = object.find("metadata");
  return metadata != object.end() ? text_field(*metadata, name) : std::string();
}

}  // namespace ferro::oper::exec
