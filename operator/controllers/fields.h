// Fields of objects as the API server sends them, whatever shape they have: what is absent or of another type
// reads as empty. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "operator/runtime/store.h"

namespace ferro::oper::controllers {

using Json = nlohmann::json;

// The object or array within `object`; an empty one if there is none.
const Json& object_at(const Json& object, std::string_view name);
const Json& array_at(const Json& object, std::string_view name);
std::string text_at(const Json& object, std::string_view name);
int64_t number_at(const Json& object, std::string_view name);
bool flag_at(const Json& object, std::string_view name);
// metav1.Time as Unix seconds; 0 if absent.
int64_t time_at(const Json& object, std::string_view name);
// "uid@resourceVersion": another text whenever the object is another one or has changed; "-" for none.
std::string version_of(const runtime::Object& object);
// Of `array`, the first element whose member `key` has this value; an empty object if there is none.
const Json& element_with(const Json& array, std::string_view key, std::string_view value);

}  // namespace ferro::oper::controllers
