#include "clients/ferroctl/namespaces.h"

namespace ferro::ferroctl {

Result<Json> namespaces_of(HttpClient& client, const std::string& prefix) {
  Json all = Json::array();
  std::string after;
  do {
    FERRO_ASSIGN_OR_RETURN(const Json page,
                           client.json("GET", "/namespaces?limit=1000&prefix=" + escaped(prefix) +
                                                  (after.empty() ? "" : "&after=" + escaped(after))));
    for (const Json& one : page.value("namespaces", Json::array())) all.push_back(one);
    after = page.contains("next") && page["next"].is_string() ? page["next"].get<std::string>() : "";
  } while (!after.empty());
  return all;
}

}  // namespace ferro::ferroctl
