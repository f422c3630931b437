// Secrets of a cluster as the API server may hold them after anybody's edit: the bytes are a JSON object
// {"ca":..., "trust":..., "tls":..., "token":...}, in which a string "@PEM" stands for what follows the first
// zero byte. Whatever is read again after writing must be the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "operator/pki/authorities.h"
#include "operator/pki/base64.h"
#include "operator/pki/leaves.h"
#include "operator/pki/tokens.h"
#include "operator/pki/view.h"

namespace {

using namespace ferro;
using namespace ferro::oper;
using pki::Json;

void put_pem(Json& value, const std::string& pem) {
  if (value.is_string() && value.get_ref<const std::string&>() == "@PEM") value = pki::encode_base64(pem);
  if (value.is_structured()) {
    for (Json& element : value) put_pem(element, pem);
  }
}

void check_authorities(const Json& secret) {
  const auto held = pki::read_authorities(secret);
  if (!held.ok()) return;
  Json again = Json::object();
  pki::set_content(pki::content_of(*held), again);
  const auto reread = pki::read_authorities(again);
  FERRO_ASSERT(reread.ok() && pki::bundle_of(*reread) == pki::bundle_of(*held),
               "authorities are not read back");
  FERRO_ASSERT(pki::inspect_all(pki::bundle_of(*held)).ok(), "a bundle that cannot be read");
}

void check_tokens(const Json& secret) {
  if (const auto tokens = pki::read_tokens(secret); tokens.ok()) {
    Json again = Json::object();
    pki::set_content(pki::content_of(*tokens), again);
    const auto reread = pki::read_tokens(again);
    FERRO_ASSERT(reread.ok() && reread->accepted.size() == tokens->accepted.size(),
                 "tokens are not read back");
    FERRO_ASSERT(reread->current_generation() == tokens->current_generation(), "another token is current");
  }
  if (const auto tokens = pki::read_foreign_tokens(secret); tokens.ok()) {
    FERRO_ASSERT(!tokens->current.empty(), "an empty token");
    FERRO_ASSERT(tokens->current.reveal().find_first_of(" \r\n\t") == std::string_view::npos,
                 "blanks in a token");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(bytes.find('\0'), bytes.size());
  Json secrets = Json::parse(bytes.substr(0, zero), nullptr, false);
  if (!secrets.is_object()) return 0;
  put_pem(secrets, std::string(bytes.substr(std::min(zero + 1, bytes.size()))));
  const auto part = [&secrets](const char* name) -> const Json* {
    const auto found = secrets.find(name);
    return found != secrets.end() ? &*found : nullptr;
  };
  const auto view = pki::view_authorities("demo", "shop", part("ca"), part("trust"), part("tls"));
  for (const auto& [ordinal, leaf] : view.leaves)
    FERRO_ASSERT(ordinal >= 0 && !leaf.fingerprint.empty(), "an odd leaf");
  pki::view_tokens(part("token"), false);
  if (const Json* ca = part("ca")) check_authorities(*ca);
  if (const Json* token = part("token")) check_tokens(*token);
  return 0;
}
