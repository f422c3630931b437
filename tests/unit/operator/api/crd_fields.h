// The fields of crds/ferrocacheclusters.yaml, for tests that have to know all of them.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/unit/operator/api/yaml_json.h"

namespace ferro::tests {

struct CrdField {
  std::string path;  // below spec: "tls.caValidity"
  nlohmann::json type;

  nlohmann::json::json_pointer pointer() const {
    std::string text = "/" + path;
    for (char& c : text) c = c == '.' ? '/' : c;
    return nlohmann::json::json_pointer(text);
  }
};

inline const nlohmann::json& crd() {
  static const nlohmann::json kCrd = yaml_file("crds/ferrocacheclusters.yaml");
  return kCrd;
}

// The schema of `spec` or `status`.
inline const nlohmann::json& crd_schema(const char* part) {
  return crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part];
}

inline void collect_fields(const nlohmann::json& type, const std::string& prefix,
                           std::vector<CrdField>& fields) {
  static const std::set<std::string> kWhole{"resources", "affinity"};
  for (const auto& [name, property] : type["properties"].items()) {
    const std::string path = prefix.empty() ? name : prefix + "." + name;
    if (property.contains("properties") && !kWhole.contains(path)) {
      collect_fields(property, path, fields);
    } else {
      fields.push_back({path, property});
    }
  }
}

// Everything in spec that is set as one value: scalars, lists, maps, and core/v1 types as a whole.
inline std::vector<CrdField> spec_fields() {
  std::vector<CrdField> fields;
  collect_fields(crd_schema("spec"), "", fields);
  return fields;
}

}  // namespace ferro::tests
