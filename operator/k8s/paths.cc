#include "operator/k8s/paths.h"

#include <array>

namespace ferro::oper::k8s {
namespace {

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

std::string group_path(const Resource& resource) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/" + std::string(resource.group) + "/";
  return path.append(resource.version);
}

std::string collection_path(const Resource& resource, std::string_view ns) {
  std::string path = group_path(resource);
  if (resource.namespaced && !ns.empty()) path.append("/namespaces/").append(percent_encode(ns));
  return path.append("/").append(resource.plural);
}

std::string object_path(const Resource& resource, std::string_view ns, std::string_view name,
                        Subresource sub) {
  std::string path = collection_path(resource, ns).append("/").append(percent_encode(name));
  if (sub == Subresource::status) path.append("/status");
  if (sub == Subresource::scale) path.append("/scale");
  return path;
}

void add_query(std::string& target, std::string_view name, std::string_view value) {
  target.push_back(target.find('?') == std::string::npos ? '?' : '&');
  target.append(percent_encode(name)).append("=").append(percent_encode(value));
}

std::string api_version(const Resource& resource) {
  return resource.group.empty() ? std::string(resource.version)
                                : std::string(resource.group) + "/" + std::string(resource.version);
}

}  // namespace ferro::oper::k8s
