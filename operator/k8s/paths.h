// Paths and queries of the API server, percent-encoded. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "operator/k8s/client.h"

namespace ferro::oper::k8s {

// Everything but RFC 3986's unreserved characters.
std::string percent_encode(std::string_view text);

// "/apis/apps/v1", "/api/v1" for the core group.
std::string group_path(const Resource& resource);
// Of the kind in a namespace; `ns` empty = in all, or a kind without namespaces.
std::string collection_path(const Resource& resource, std::string_view ns);
std::string object_path(const Resource& resource, std::string_view ns, std::string_view name,
                        Subresource sub = Subresource::none);

// Appends "?name=value" or "&name=value" to a target, both encoded.
void add_query(std::string& target, std::string_view name, std::string_view value);

// "apps/v1", "v1".
std::string api_version(const Resource& resource);

}  // namespace ferro::oper::k8s
