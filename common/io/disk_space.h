// How full the file system of a folder is.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace ferro::io {

struct DiskSpace {
  uint64_t available_bytes = 0;  // to a process without privileges
  uint64_t total_bytes = 0;
};

// not_found or io_error, naming the path.
Result<DiskSpace> disk_space(const std::string& path);

}  // namespace ferro::io
