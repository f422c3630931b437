// Regular expressions of schemas and rules, compiled once: they are few, and asked at every write.
#pragma once

#include <map>
#include <regex>
#include <string>

namespace ferro::fakes::kube {

inline const std::regex& compiled(const std::string& pattern) {
  thread_local std::map<std::string, std::regex> known;
  const auto found = known.find(pattern);
  return found != known.end() ? found->second : known.emplace(pattern, std::regex(pattern)).first->second;
}

}  // namespace ferro::fakes::kube
