// RFC 4648 base64 with its standard alphabet and padding, as kubeconfig files and Secrets hold it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ferro::oper::k8s {

std::string base64_encode(std::string_view bytes);
// Line ends are skipped; nothing for anything else that is not base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace ferro::oper::k8s
