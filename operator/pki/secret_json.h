// A Secret object's data and our annotations on it. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::oper::pki {

using Json = nlohmann::json;

// What a Secret of ours is to hold.
struct SecretContent {
  std::map<std::string, Secret> data;
  std::map<std::string, std::string> annotations;
};

// Decoded from `data`. not_found if the key is absent, invalid_argument if its value is no base64. Never
// shows content.
Result<Secret> data_of(const Json& object, std::string_view key);
// The names of all keys of `data`.
std::vector<std::string> data_keys(const Json& object);
// 0 where it is absent or no number.
int64_t annotation_number(const Json& object, std::string_view name);

// Replaces `data` as a whole and sets the annotations; everything else of `object` stays.
void set_content(const SecretContent& content, Json& object);

}  // namespace ferro::oper::pki
