#include "node/app/environment.h"

#include <unistd.h>

#include <string_view>

namespace ferro::node::app {

config::Environment process_environment() {
  config::Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

}  // namespace ferro::node::app
