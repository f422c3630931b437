#include "tests/fakes/kube_api/yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

namespace ferro::fakes::kube {
namespace {

// By YAML 1.2's core schema: quoted is text, unquoted may be a number, a boolean or null.
Json scalar(const YAML::Node& node) {
  const std::string text = node.Scalar();
  if (node.Tag() == "!") return text;
  if (text.empty() || text == "null" || text == "~") return nullptr;
  if (text == "true" || text == "false") return text == "true";
  if (text.find_first_not_of("0123456789+-.eE") == std::string::npos) {
    const Json number = Json::parse(text, nullptr, false);
    if (number.is_number()) return number;
  }
  return text;
}

Json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& entry : node) object[entry.first.Scalar()] = to_json(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    Json array = Json::array();
    for (const YAML::Node& item : node) array.push_back(to_json(item));
    return array;
  }
  return node.IsScalar() ? scalar(node) : Json();
}

}  // namespace

std::vector<Json> yaml_documents(const std::string& text) {
  std::vector<Json> documents;
  for (const YAML::Node& node : YAML::LoadAll(text)) documents.push_back(to_json(node));
  return documents;
}

Json yaml_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    std::cerr << "no file " << path << " for the test\n";
    std::abort();
  }
  return yaml_documents(text.str()).at(0);
}

}  // namespace ferro::fakes::kube
