#include "node/app/environment.h"

#include <unistd.h>

#include <string_view>

#include "common/io/small_file.h"

namespace ferro::node::app {

namespace {

constexpr size_t kBootIdBytesMax = 64;  // a UUID and a line end

}  // namespace

config::Environment process_environment() {
  config::Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

std::string boot_id() {
  const auto content = io::read_small_file("/proc/sys/kernel/random/boot_id", kBootIdBytesMax);
  return content.ok() ? content->substr(0, content->find_first_of("\r\n")) : std::string();
}

}  // namespace ferro::node::app
