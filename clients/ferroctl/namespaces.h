// All namespaces of a cache, page by page.
#pragma once

#include <string>

#include "clients/ferroctl/http_client.h"

namespace ferro::ferroctl {

// A JSON array of what GET /namespaces says of each whose printed name begins with `prefix`.
Result<Json> namespaces_of(HttpClient& client, const std::string& prefix);

}  // namespace ferro::ferroctl
