#include "operator/k8s/watch_decoder.h"

#include <optional>
#include <string>

#include "operator/k8s/error_reader.h"
#include "operator/k8s/json_text.h"
#include "operator/k8s/paths.h"

namespace ferro::oper::k8s {
namespace {

std::optional<WatchEvent::Type> type_of(std::string_view word) {
  if (word == "ADDED") return WatchEvent::Type::added;
  if (word == "MODIFIED") return WatchEvent::Type::modified;
  if (word == "DELETED") return WatchEvent::Type::deleted;
  if (word == "BOOKMARK") return WatchEvent::Type::bookmark;
  return std::nullopt;
}

ApiError error_event(const Json& status) {
  const Json* code = find(status, {"code"});
  int http_status = 500;
  if (code != nullptr && code->is_number_integer()) {
    const auto value = code->get<int64_t>();
    if (value >= 400 && value <= 599) http_status = static_cast<int>(value);
  }
  return error_of_status(status, http_status, -1, false);
}

}  // namespace

bool complete_object(Json& object, const Resource& resource) {
  if (!object.is_object()) return false;
  if (string_at(object, {"metadata", "name"}).empty()) return false;
  if (string_at(object, {"metadata", "resourceVersion"}).empty()) return false;
  if (resource.namespaced && string_at(object, {"metadata", "namespace"}).empty()) return false;
  if (string_at(object, {"kind"}).empty()) object["kind"] = resource.kind;
  if (string_at(object, {"apiVersion"}).empty()) object["apiVersion"] = api_version(resource);
  return true;
}

DecodedLine decode_watch_line(std::string_view line, const Resource& resource) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return Blank{};
  std::optional<Json> json = parse_json(line);
  if (!json || !json->is_object()) return Garbage{};
  const std::string word = string_at(*json, {"type"});
  const auto object = json->find("object");
  if (object == json->end() || !object->is_object()) return Garbage{};
  if (word == "ERROR") return error_event(*object);
  const std::optional<WatchEvent::Type> type = type_of(word);
  if (!type) return Garbage{};
  if (*type == WatchEvent::Type::bookmark) {
    if (string_at(*object, {"metadata", "resourceVersion"}).empty()) return Garbage{};
  } else if (!complete_object(*object, resource)) {
    return Garbage{};
  }
  return WatchEvent{*type, std::move(*object)};
}

}  // namespace ferro::oper::k8s
