#include "node/config/memory_budget.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/io/small_file.h"
#include "node/config/config.h"
#include "node/config/values.h"

namespace ferro::node::config {

namespace {

constexpr size_t kFileBytesMax = 64 * 1024;  // /proc/meminfo has 1.5 KiB, /proc/self/cgroup less than 1
constexpr size_t kGroupDepthMax = 64;
constexpr uint64_t kUnknownMemory = uint64_t{1} << 30;
constexpr uint64_t kBudgetMin = 16 << 20;
constexpr std::string_view kGroupRoot = "/sys/fs/cgroup";

std::string content_of(const std::string& path) {
  auto content = io::read_small_file(path, kFileBytesMax);
  return content.ok() ? *std::move(content) : std::string();
}

// The number that a file holds; none for "max" and for files that are not there.
std::optional<uint64_t> limit_in(const std::string& path) {
  const std::string content = content_of(path);
  return parse_integer(std::string_view(content).substr(0, content.find('\n')));
}

// The smallest limit from `group` up to the root of the hierarchy. In a container the group may be named by
// the host's path, which does not exist here: then only the levels that do exist count, the root being the
// container's own.
uint64_t smallest_limit(const std::string& hierarchy, std::string group, const std::string& file) {
  uint64_t smallest = UINT64_MAX;
  for (size_t depth = 0; depth < kGroupDepthMax; ++depth) {
    if (group == "/") group.clear();
    std::string path = hierarchy;
    path.append(group).append("/").append(file);
    smallest = std::min(smallest, limit_in(path).value_or(UINT64_MAX));
    if (group.empty()) break;
    group.erase(group.find_last_of('/') == std::string::npos ? 0 : group.find_last_of('/'));
  }
  return smallest;
}

// Lines `ID:CONTROLLERS:PATH`; v2 is the line without controllers.
uint64_t group_limit(const std::string& root) {
  const std::string groups = content_of(root + "/proc/self/cgroup");
  uint64_t smallest = UINT64_MAX;
  for (std::string_view rest = groups; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const std::string path(line.substr(second + 1));
    const std::string hierarchy = root + std::string(kGroupRoot);
    if (controllers == ",,") smallest = std::min(smallest, smallest_limit(hierarchy, path, "memory.max"));
    if (controllers.find(",memory,") != std::string::npos) {
      smallest = std::min(smallest, smallest_limit(hierarchy + "/memory", path, "memory.limit_in_bytes"));
    }
  }
  return smallest;
}

// `MemTotal:       16303428 kB`
uint64_t machine_memory(const std::string& root) {
  const std::string meminfo = content_of(root + "/proc/meminfo");
  const size_t label = meminfo.find("MemTotal:");
  const size_t digits = label == std::string::npos ? label : meminfo.find_first_of("0123456789", label);
  if (digits == std::string::npos) return UINT64_MAX;
  const size_t end = std::min(meminfo.find_first_not_of("0123456789", digits), meminfo.size());
  const auto kilobytes = parse_integer(std::string_view(meminfo).substr(digits, end - digits));
  return kilobytes && *kilobytes < UINT64_MAX / 1024 ? *kilobytes * 1024 : UINT64_MAX;
}

}  // namespace

uint64_t memory_budget(const std::string& root) {
  const uint64_t limit = std::min(group_limit(root), machine_memory(root));
  const uint64_t known = limit == UINT64_MAX ? kUnknownMemory : limit;
  return std::max(kBudgetMin, known / 10 * 8);
}

uint64_t default_memory_budget() {
  return memory_budget("");
}

}  // namespace ferro::node::config
