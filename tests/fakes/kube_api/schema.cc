#include "tests/fakes/kube_api/schema.h"

#include <cmath>
#include <regex>
#include <set>

#include "common/base/utf8.h"
#include "tests/fakes/kube_api/cel.h"
#include "tests/fakes/kube_api/patterns.h"

namespace ferro::fakes::kube {
namespace {

size_t characters(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(std::max<size_t>(1, utf8_length(text)));
    ++count;
  }
  return count;
}

bool open_ended(const Json& schema) {
  return schema.value("x-kubernetes-preserve-unknown-fields", false);
}

const Json* additional(const Json& schema) {
  const auto found = schema.find("additionalProperties");
  return found != schema.end() && found->is_object() ? &*found : nullptr;
}

bool free_form_map(const Json& schema) {
  const auto found = schema.find("additionalProperties");
  return found != schema.end() && found->is_boolean() && found->get<bool>();
}

class Validator {
 public:
  std::vector<Cause> causes;

  void check(const Json& schema, const Json& value, const Json* old, const std::string& path) {
    if (value.is_null()) {
      if (!schema.value("nullable", false)) refuse("FieldValueTypeInvalid", path, "must not be null");
      return;
    }
    if (!check_type(schema, value, path)) return;
    check_enum(schema, value, path);
    if (value.is_string()) check_string(schema, value.get_ref<const std::string&>(), path);
    if (value.is_number()) check_number(schema, value.get<double>(), path);
    if (value.is_array()) check_array(schema, value, old, path);
    if (value.is_object()) check_object(schema, value, old, path);
    check_junctors(schema, value, path);
    check_rules(schema, value, old, path);
  }

 private:
  void refuse(const char* reason, const std::string& path, const std::string& message) {
    causes.push_back({reason, message, path.empty() ? "<nil>" : path});
  }

  bool check_type(const Json& schema, const Json& value, const std::string& path) {
    if (schema.value("x-kubernetes-int-or-string", false)) {
      if (value.is_string() || value.is_number_integer()) return true;
      refuse("FieldValueTypeInvalid", path, "must be of type integer or string");
      return false;
    }
    const std::string type = schema.value("type", "");
    bool good = true;
    if (type == "string") good = value.is_string();
    if (type == "boolean") good = value.is_boolean();
    if (type == "array") good = value.is_array();
    if (type == "object") good = value.is_object();
    if (type == "number") good = value.is_number();
    if (type == "integer") {
      good = value.is_number_integer() ||
             (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>());
    }
    if (!good)
      refuse("FieldValueTypeInvalid", path, "must be of type " + type + ": \"" + value.type_name() + "\"");
    return good;
  }

  void check_enum(const Json& schema, const Json& value, const std::string& path) {
    const auto values = schema.find("enum");
    if (values == schema.end()) return;
    for (const Json& allowed : *values) {
      if (allowed == value) return;
    }
    refuse("FieldValueNotSupported", path,
           "Unsupported value: " + value.dump() + ": supported values: " + values->dump());
  }

  void check_string(const Json& schema, const std::string& value, const std::string& path) {
    if (schema.contains("minLength") && characters(value) < schema.at("minLength").get<size_t>()) {
      refuse("FieldValueInvalid", path,
             "should be at least " + schema.at("minLength").dump() + " chars long");
    }
    if (schema.contains("maxLength") && characters(value) > schema.at("maxLength").get<size_t>()) {
      refuse("FieldValueTooLong", path, "may not be more than " + schema.at("maxLength").dump() + " bytes");
    }
    if (schema.contains("pattern")) {
      const std::string pattern = schema.at("pattern");
      if (!std::regex_search(value, compiled(pattern))) {
        refuse("FieldValueInvalid", path, "should match '" + pattern + "'");
      }
    }
  }

  void check_number(const Json& schema, double value, const std::string& path) {
    if (schema.contains("minimum")) {
      const double bound = schema.at("minimum");
      const bool exclusive = schema.value("exclusiveMinimum", false);
      if (value < bound || (exclusive && value == bound)) {
        refuse("FieldValueInvalid", path,
               "should be greater than or equal to " + schema.at("minimum").dump());
      }
    }
    if (schema.contains("maximum")) {
      const double bound = schema.at("maximum");
      const bool exclusive = schema.value("exclusiveMaximum", false);
      if (value > bound || (exclusive && value == bound)) {
        refuse("FieldValueInvalid", path, "should be less than or equal to " + schema.at("maximum").dump());
      }
    }
    if (schema.contains("multipleOf") && std::fmod(value, schema.at("multipleOf").get<double>()) != 0) {
      refuse("FieldValueInvalid", path, "should be a multiple of " + schema.at("multipleOf").dump());
    }
  }

  void check_array(const Json& schema, const Json& value, const Json* old, const std::string& path) {
    if (schema.contains("minItems") && value.size() < schema.at("minItems").get<size_t>()) {
      refuse("FieldValueInvalid", path, "should have at least " + schema.at("minItems").dump() + " items");
    }
    if (schema.contains("maxItems") && value.size() > schema.at("maxItems").get<size_t>()) {
      refuse("FieldValueTooMany", path, "must have at most " + schema.at("maxItems").dump() + " items");
    }
    const std::string list_type = schema.value("x-kubernetes-list-type", "atomic");
    const auto keys = schema.value("x-kubernetes-list-map-keys", std::vector<std::string>{});
    std::set<std::string> seen;
    for (size_t i = 0; i < value.size(); ++i) {
      const std::string item_path = path + "[" + std::to_string(i) + "]";
      Json key = value[i];
      if (list_type == "map") {
        key = Json::object();
        for (const std::string& name : keys)
          key[name] = value[i].is_object() ? value[i].value(name, Json()) : Json();
      }
      const bool repeated = list_type != "atomic" && !seen.insert(key.dump()).second;
      if (repeated) refuse("FieldValueDuplicate", item_path, "Duplicate value: " + key.dump());
      if (schema.contains("items"))
        check(schema.at("items"), value[i], old_item(old, list_type, keys, key), item_path);
    }
  }

  // Items of a list of maps correlate by key; those of an atomic list do not.
  const Json* old_item(const Json* old, const std::string& list_type, const std::vector<std::string>& keys,
                       const Json& key) {
    if (old == nullptr || !old->is_array() || list_type != "map") return nullptr;
    for (const Json& item : *old) {
      Json item_key = Json::object();
      for (const std::string& name : keys)
        item_key[name] = item.is_object() ? item.value(name, Json()) : Json();
      if (item_key == key) return &item;
    }
    return nullptr;
  }

  void check_object(const Json& schema, const Json& value, const Json* old, const std::string& path) {
    for (const Json& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get<std::string>())) {
        refuse("FieldValueRequired", join(path, name), "Required value");
      }
    }
    if (schema.contains("maxProperties") && value.size() > schema.at("maxProperties").get<size_t>()) {
      refuse("FieldValueTooMany", path,
             "must have at most " + schema.at("maxProperties").dump() + " properties");
    }
    if (schema.contains("minProperties") && value.size() < schema.at("minProperties").get<size_t>()) {
      refuse("FieldValueInvalid", path,
             "should have at least " + schema.at("minProperties").dump() + " properties");
    }
    const Json* properties = at(schema, {"properties"});
    for (const auto& [name, inner] : value.items()) {
      const Json* inner_old =
          old != nullptr && old->is_object() && old->contains(name) ? &old->at(name) : nullptr;
      if (properties != nullptr && properties->contains(name)) {
        check(properties->at(name), inner, inner_old, join(path, name));
      } else if (const Json* rest = additional(schema)) {
        check(*rest, inner, inner_old, join(path, name));
      }
    }
  }

  bool passes(const Json& schema, const Json& value) {
    Validator inner;
    inner.check(schema, value, nullptr, "");
    return inner.causes.empty();
  }

  void check_junctors(const Json& schema, const Json& value, const std::string& path) {
    for (const Json& part : schema.value("allOf", Json::array())) {
      if (!passes(part, value)) refuse("FieldValueInvalid", path, "must validate all the schemas (allOf)");
    }
    const auto count = [&](const char* junctor) {
      size_t good = 0;
      for (const Json& part : schema.at(junctor)) good += passes(part, value) ? 1 : 0;
      return good;
    };
    if (schema.contains("anyOf") && count("anyOf") == 0) {
      refuse("FieldValueInvalid", path, "must validate at least one schema (anyOf)");
    }
    if (schema.contains("oneOf") && count("oneOf") != 1) {
      refuse("FieldValueInvalid", path, "must validate one and only one schema (oneOf)");
    }
    if (schema.contains("not") && passes(schema.at("not"), value)) {
      refuse("FieldValueInvalid", path, "must not validate the schema (not)");
    }
  }

  void check_rules(const Json& schema, const Json& value, const Json* old, const std::string& path) {
    for (const Json& rule : schema.value("x-kubernetes-validations", Json::array())) {
      const std::string text = rule.at("rule");
      const cel::Outcome outcome = cel::evaluate(text, value, old);
      if (outcome.verdict == cel::Verdict::holds || outcome.verdict == cel::Verdict::does_not_apply) continue;
      const std::string said = outcome.verdict == cel::Verdict::fails
                                   ? rule.value("message", "failed rule: " + text)
                                   : "rule \"" + text + "\" cannot be evaluated: " + outcome.error;
      refuse("FieldValueInvalid", join_field(path, rule.value("fieldPath", "")), "Invalid value: " + said);
    }
  }

  static std::string join(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }
  static std::string join_field(const std::string& path, const std::string& field_path) {
    if (field_path.empty()) return path;
    return path.empty() ? field_path.substr(1) : path + field_path;
  }
};

}  // namespace

void apply_defaults(const Json& schema, Json& value) {
  if (value.is_object()) {
    if (const Json* properties = at(schema, {"properties"})) {
      for (const auto& [name, inner] : properties->items()) {
        const auto found = value.find(name);
        const bool missing = found == value.end() || (found->is_null() && !inner.value("nullable", false));
        if (missing && inner.contains("default")) value[name] = inner.at("default");
        if (value.contains(name)) apply_defaults(inner, value[name]);
      }
    }
    if (const Json* rest = additional(schema)) {
      for (auto& [name, inner] : value.items()) apply_defaults(*rest, inner);
    }
  } else if (value.is_array() && schema.contains("items")) {
    for (Json& item : value) apply_defaults(schema.at("items"), item);
  }
}

void prune(const Json& schema, Json& value, bool root) {
  if (value.is_array() && schema.contains("items")) {
    for (Json& item : value) prune(schema.at("items"), item, false);
  }
  if (!value.is_object()) return;
  const bool embedded = schema.value("x-kubernetes-embedded-resource", false);
  std::vector<std::string> unknown;
  for (auto& [name, inner] : value.items()) {
    if ((root || embedded) && (name == "apiVersion" || name == "kind" || name == "metadata")) continue;
    const Json* properties = at(schema, {"properties"});
    if (properties != nullptr && properties->contains(name)) {
      prune(properties->at(name), inner, false);
    } else if (const Json* rest = additional(schema)) {
      prune(*rest, inner, false);
    } else if (!open_ended(schema) && !free_form_map(schema)) {
      unknown.push_back(name);
    }
  }
  for (const std::string& name : unknown) value.erase(name);
}

std::vector<Cause> validate(const Json& schema, const Json& value, const Json* old) {
  Validator validator;
  validator.check(schema, value, old, "");
  return std::move(validator.causes);
}

}  // namespace ferro::fakes::kube
