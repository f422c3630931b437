#include "operator/api/field_reader.h"

#include <cmath>

#include "operator/api/units.h"

namespace ferro::oper::api {
namespace {

constexpr size_t kQuotedBytesMax = 80;

const nlohmann::json& empty_object() {
  static const nlohmann::json empty = nlohmann::json::object();
  return empty;
}

std::string number_text(double value) {
  return nlohmann::json(value).dump();
}

}  // namespace

FieldReader::FieldReader(const Json& object, std::string path, Status& status)
    : object_(object.is_object() ? &object : &empty_object()), path_(std::move(path)), status_(&status) {}

const nlohmann::json* FieldReader::find(std::string_view name) const {
  const auto found = object_->find(std::string(name));
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

void FieldReader::fail(std::string_view name, const std::string& why) const {
  if (status_->ok()) *status_ = Status::invalid(path_ + "." + std::string(name) + ": " + why);
}

void FieldReader::fail(std::string_view name, const Json& value, const std::string& why) const {
  std::string shown = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (shown.size() > kQuotedBytesMax) shown = shown.substr(0, kQuotedBytesMax) + "...";
  fail(name, shown + " " + why);
}

FieldReader FieldReader::object(std::string_view name) const {
  const Json* const value = find(name);
  if (value != nullptr && !value->is_object()) fail(name, *value, "is no object");
  return {value == nullptr ? empty_object() : *value, path_ + "." + std::string(name), *status_};
}

std::optional<int64_t> FieldReader::optional_integer(std::string_view name, int64_t least,
                                                     int64_t most) const {
  const Json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const bool fits =
      value->is_number_integer() &&
      !(value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
  if (fits && value->get<int64_t>() >= least && value->get<int64_t>() <= most) return value->get<int64_t>();
  fail(name, *value, "is no integer of " + std::to_string(least) + ".." + std::to_string(most));
  return std::nullopt;
}

int64_t FieldReader::integer(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const {
  return optional_integer(name, least, most).value_or(otherwise);
}

double FieldReader::number(std::string_view name, double otherwise, double least, double most) const {
  const Json* const value = find(name);
  if (value == nullptr) return otherwise;
  if (value->is_number()) {
    const double given = value->get<double>();
    if (std::isfinite(given) && given >= least && given <= most) return given;
  }
  fail(name, *value, "is no number of " + number_text(least) + ".." + number_text(most));
  return otherwise;
}

bool FieldReader::boolean(std::string_view name, bool otherwise) const {
  const Json* const value = find(name);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  fail(name, *value, "is neither true nor false");
  return otherwise;
}

std::optional<std::string> FieldReader::optional_text(std::string_view name, size_t bytes_max) const {
  const Json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string() && value->get_ref<const std::string&>().size() <= bytes_max)
    return value->get<std::string>();
  fail(name, *value, "is no text of at most " + std::to_string(bytes_max) + " bytes");
  return std::nullopt;
}

std::string FieldReader::text(std::string_view name, std::string otherwise, size_t bytes_max) const {
  return optional_text(name, bytes_max).value_or(std::move(otherwise));
}

int64_t FieldReader::duration(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const {
  const Json* const value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) {
    fail(name, *value, "is no duration; write for example \"720h\"");
    return otherwise;
  }
  const Result<int64_t> seconds = parse_duration_s(value->get_ref<const std::string&>());
  if (!seconds.ok()) {
    fail(name, seconds.status().message());
    return otherwise;
  }
  if (*seconds >= least && *seconds <= most) return *seconds;
  fail(name, *value, "is not within " + duration_text(least) + ".." + duration_text(most));
  return otherwise;
}

std::map<std::string, std::string> FieldReader::texts(std::string_view name, size_t entries_max) const {
  std::map<std::string, std::string> result;
  const Json* const value = find(name);
  if (value == nullptr) return result;
  bool fits = value->is_object() && value->size() <= entries_max;
  if (fits) {
    for (const auto& [key, entry] : value->items()) {
      fits = fits && entry.is_string();
      if (fits) result.emplace(key, entry.get<std::string>());
    }
  }
  if (!fits) fail(name, *value, "is no map of at most " + std::to_string(entries_max) + " texts");
  return result;
}

nlohmann::json FieldReader::list(std::string_view name, size_t items_max) const {
  const Json* const value = find(name);
  if (value == nullptr) return Json::array();
  if (value->is_array() && value->size() <= items_max) return *value;
  fail(name, *value, "is no list of at most " + std::to_string(items_max) + " items");
  return Json::array();
}

nlohmann::json FieldReader::map(std::string_view name, Json otherwise) const {
  const Json* const value = find(name);
  if (value == nullptr) return otherwise;
  if (value->is_object()) return *value;
  fail(name, *value, "is no object");
  return otherwise;
}

}  // namespace ferro::oper::api
