// YAML files of the tree as JSON, for tests.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace ferro::tests {

inline nlohmann::json yaml_json(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map: {
      nlohmann::json object = nlohmann::json::object();
      for (const auto& entry : node) object[entry.first.as<std::string>()] = yaml_json(entry.second);
      return object;
    }
    case YAML::NodeType::Sequence: {
      nlohmann::json list = nlohmann::json::array();
      for (const auto& element : node) list.push_back(yaml_json(element));
      return list;
    }
    case YAML::NodeType::Scalar:
      break;
    default:
      return nullptr;
  }
  if (node.Tag() == "!") return node.as<std::string>();  // quoted
  if (int64_t integer = 0; YAML::convert<int64_t>::decode(node, integer)) return integer;
  if (double number = 0; YAML::convert<double>::decode(node, number)) return number;
  if (bool boolean = false; YAML::convert<bool>::decode(node, boolean)) return boolean;
  return node.as<std::string>();
}

inline nlohmann::json yaml_file(const std::string& path) {
  return yaml_json(YAML::LoadFile(path));
}

}  // namespace ferro::tests
