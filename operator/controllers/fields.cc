#include "operator/controllers/fields.h"

#include "operator/api/units.h"

namespace ferro::oper::controllers {
namespace {

const Json& empty_object() {
  static const Json empty = Json::object();
  return empty;
}
const Json& empty_array() {
  static const Json empty = Json::array();
  return empty;
}
const Json* find(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found != object.end() ? &*found : nullptr;
}

}  // namespace

const Json& object_at(const Json& object, std::string_view name) {
  const Json* const found = find(object, name);
  return found != nullptr && found->is_object() ? *found : empty_object();
}

const Json& array_at(const Json& object, std::string_view name) {
  const Json* const found = find(object, name);
  return found != nullptr && found->is_array() ? *found : empty_array();
}

std::string text_at(const Json& object, std::string_view name) {
  const Json* const found = find(object, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t number_at(const Json& object, std::string_view name) {
  const Json* const found = find(object, name);
  return found != nullptr && found->is_number_integer() ? found->get<int64_t>() : 0;
}

bool flag_at(const Json& object, std::string_view name) {
  const Json* const found = find(object, name);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

int64_t time_at(const Json& object, std::string_view name) {
  return api::parse_time(text_at(object, name)).value_or(0);
}

const Json& element_with(const Json& array, std::string_view key, std::string_view value) {
  if (array.is_array()) {
    for (const Json& element : array) {
      if (text_at(element, key) == value) return element;
    }
  }
  return empty_object();
}

std::string version_of(const runtime::Object& object) {
  if (object == nullptr) return "-";
  const Json& metadata = object_at(*object, "metadata");
  return text_at(metadata, "uid") + "@" + text_at(metadata, "resourceVersion");
}

}  // namespace ferro::oper::controllers
