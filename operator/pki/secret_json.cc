#include "operator/pki/secret_json.h"

#include <openssl/evp.h>

#include <charconv>
#include <vector>

#include "operator/pki/base64.h"

namespace ferro::oper::pki {
namespace {

// The member `name` of `object` if both are objects; null else.
const Json* member_object(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

}  // namespace

Result<Secret> data_of(const Json& object, std::string_view key) {
  const Json* const data = member_object(object, "data");
  const auto found = data != nullptr ? data->find(key) : Json::const_iterator();
  if (data == nullptr || found == data->end())
    return Status::not_found("key " + std::string(key) + " is missing");
  if (!found->is_string()) return Status::invalid("key " + std::string(key) + " is no text");
  auto decoded = decode_base64(found->get_ref<const std::string&>());
  if (!decoded.ok()) return decoded.status().with_context("key " + std::string(key));
  return Secret(std::move(decoded).value());
}

std::vector<std::string> data_keys(const Json& object) {
  std::vector<std::string> keys;
  if (const Json* const data = member_object(object, "data")) {
    for (const auto& item : data->items()) keys.push_back(item.key());
  }
  return keys;
}

int64_t annotation_number(const Json& object, std::string_view name) {
  const Json* const metadata = member_object(object, "metadata");
  const Json* const annotations = metadata != nullptr ? member_object(*metadata, "annotations") : nullptr;
  if (annotations == nullptr) return 0;
  const auto found = annotations->find(name);
  if (found == annotations->end() || !found->is_string()) return 0;
  const auto& text = found->get_ref<const std::string&>();
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

void set_content(const SecretContent& content, Json& object) {
  Json data = Json::object();
  for (const auto& [key, value] : content.data) data[key] = encode_base64(value.reveal());
  object["data"] = std::move(data);
  for (const auto& [name, value] : content.annotations) object["metadata"]["annotations"][name] = value;
}

}  // namespace ferro::oper::pki
