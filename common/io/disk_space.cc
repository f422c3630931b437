#include "common/io/disk_space.h"

#include <sys/statvfs.h>

#include <cerrno>

namespace ferro::io {

Result<DiskSpace> disk_space(const std::string& path) {
  struct statvfs figures {};
  if (::statvfs(path.c_str(), &figures) != 0) return Status::from_errno(errno, "cannot look at " + path);
  const uint64_t block = figures.f_frsize;
  return DiskSpace{figures.f_bavail * block, figures.f_blocks * block};
}

}  // namespace ferro::io
