// Reads a whole configuration-like file (settings, tokens, certificates, /proc and cgroup figures) that
// others may rewrite at any time. The data files of the node go through FileSystem instead.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace ferro::io {

// The content of a regular file as it stands now, following symbolic links. Never blocks on a pipe or device,
// and does not trust the size that the file system reports (files under /proc say 0). not_found, too_large
// (over `bytes_max`) or io_error; the message names the path and never the content.
Result<std::string> read_small_file(const std::string& path, size_t bytes_max);

}  // namespace ferro::io
