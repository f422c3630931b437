// A kubeconfig of anybody's making, and base64 and server addresses by themselves.
//
// Held: no crash and no exception; what is accepted is usable (a host, a key with every certificate, no
// secret over plain http); what is refused is invalid_argument; base64 that decodes encodes back.
#include <cstdint>
#include <string>

#include "common/base/assert.h"
#include "operator/k8s/base64.h"
#include "operator/k8s/credentials.h"

namespace {

using namespace ferro::oper::k8s;

void check(const Access& access) {
  FERRO_ASSERT(!access.server.host.empty() && access.server.port != 0, "a server has an address");
  const bool certificate = !(access.certificate_pem.empty() && access.certificate_file.empty());
  const bool key = !(access.key_pem.empty() && access.key_file.empty());
  FERRO_ASSERT(certificate == key, "certificate and key come together");
  const bool secrets = key || !access.token.empty() || !access.token_file.empty();
  FERRO_ASSERT(access.server.tls || !secrets, "no secret over plain http");
  FERRO_ASSERT(!access.insecure_skip_tls_verify || (access.ca_pem.empty() && access.ca_file.empty()),
               "an authority is never given for nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* context : {"", "here"}) {
    const ferro::Result<Access> access = parse_kubeconfig(text, "/folder", context);
    if (access.ok()) {
      check(*access);
    } else {
      FERRO_ASSERT(access.status().code() == ferro::StatusCode::invalid_argument, "the user's to change");
    }
  }
  if (const ferro::Result<ServerUrl> url = parse_server_url(text); url.ok()) {
    const ferro::Result<ServerUrl> again = parse_server_url(to_text(*url));
    FERRO_ASSERT(again.ok() && to_text(*again) == to_text(*url),
                 "an address that is printed is the same address");
  }
  if (const auto bytes = base64_decode(text)) {
    FERRO_ASSERT(base64_decode(base64_encode(*bytes)) == bytes, "base64 goes back and forth");
  }
  return 0;
}
