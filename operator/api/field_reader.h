// Reads a JSON object field by field, with defaults, and remembers the first field that cannot be meant. What
// it is not asked for it does not look at: a newer schema's fields do no harm. null counts as absent.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/status.h"

namespace ferro::oper::api {

// Used by one function on one thread. The object and `status` outlive the reader; readers of nested objects
// share one Status.
class FieldReader {
 public:
  using Json = nlohmann::json;

  FieldReader(const Json& object, std::string path, Status& status);

  // The nested object; an absent one reads as {}.
  FieldReader object(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

  int64_t integer(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const;
  std::optional<int64_t> optional_integer(std::string_view name, int64_t least, int64_t most) const;
  double number(std::string_view name, double otherwise, double least, double most) const;
  bool boolean(std::string_view name, bool otherwise) const;
  std::string text(std::string_view name, std::string otherwise, size_t bytes_max) const;
  std::optional<std::string> optional_text(std::string_view name, size_t bytes_max) const;
  // In seconds.
  int64_t duration(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const;
  std::map<std::string, std::string> texts(std::string_view name, size_t entries_max) const;
  // As it stands, for core/v1 types; `otherwise` if it is absent.
  Json list(std::string_view name, size_t items_max) const;
  Json map(std::string_view name, Json otherwise) const;

  template <typename Enum>
  Enum choice(std::string_view name, Enum otherwise,
              std::initializer_list<std::pair<std::string_view, Enum>> choices) const {
    const Json* const value = find(name);
    if (value == nullptr) return otherwise;
    std::string allowed;
    for (const auto& [word, meaning] : choices) {
      if (value->is_string() && value->template get_ref<const std::string&>() == word) return meaning;
      allowed += (allowed.empty() ? "" : ", ") + std::string(word);
    }
    fail(name, *value, "is none of " + allowed);
    return otherwise;
  }

  // Keeps the first failure: "spec.tls.caValidity: why".
  void fail(std::string_view name, const std::string& why) const;

 private:
  const Json* find(std::string_view name) const;
  void fail(std::string_view name, const Json& value, const std::string& why) const;

  const Json* object_;  // an object, always
  std::string path_;
  Status* status_;
};

}  // namespace ferro::oper::api
