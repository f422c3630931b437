#include "node/app/environment.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "common/io/small_file.h"

namespace ferro::node::app {

namespace {

constexpr size_t kBootIdBytesMax = 64;            // a UUID and a line end
constexpr size_t kCommandLineBytesMax = 2 << 20;  // what Linux takes by default
constexpr std::string_view kProgram = "ferrocached";

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

std::vector<std::string> arguments_of_node(const std::string& command_line_file) {
  const auto content = io::read_small_file(command_line_file, kCommandLineBytesMax);
  std::vector<std::string> words;
  for (std::string_view left = content.ok() ? *content : std::string_view(); !left.empty();) {
    const size_t end = std::min(left.find('\0'), left.size());
    words.emplace_back(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  if (words.empty() || words[0].substr(words[0].rfind('/') + 1) != kProgram) return {};
  words.erase(words.begin());
  return words;
}

std::string boot_id() {
  const auto content = io::read_small_file("/proc/sys/kernel/random/boot_id", kBootIdBytesMax);
  return content.ok() ? content->substr(0, content->find_first_of("\r\n")) : std::string();
}

}  // namespace ferro::node::app
