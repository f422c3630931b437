#include "common/io/posix_file_system.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/io/descriptor.h"

namespace ferro::io {
namespace {

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // closing it gives the lock back
};

int open_flags(OpenMode mode) noexcept {
  switch (mode) {
    case OpenMode::read:
      return O_RDONLY;
    case OpenMode::read_write:
      return O_RDWR;
    case OpenMode::create:
      return O_RDWR | O_CREAT;
    case OpenMode::create_empty:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

// What a user stores is nobody else's to read.
constexpr mode_t kFileMode = 0640;
constexpr mode_t kFolderMode = 0750;

std::string parent_of(const std::string& path) {
  std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

int take_reserve() noexcept {
  return ::open("/", O_PATH | O_CLOEXEC);
}

Status sync_folder(const std::string& path) {
  FERRO_ASSIGN_OR_RETURN(const Descriptor descriptor, open_descriptor(path, O_RDONLY | O_DIRECTORY, 0));
  if (::fsync(descriptor.get()) != 0) return Status::from_errno(errno, "sync folder " + path);
  return {};
}

}  // namespace

PosixFileSystem::PosixFileSystem() : reserve_(take_reserve()) {}

PosixFileSystem::~PosixFileSystem() {
  if (reserve_ >= 0) ::close(reserve_);
}

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  FERRO_ASSIGN_OR_RETURN(Descriptor descriptor, open_descriptor(path, open_flags(mode), kFileMode));
  return make_posix_file(std::move(descriptor), path);
}

Status PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return Status::from_errno(errno, "rename " + from + " to " + to);
  return {};
}

Status PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return Status::from_errno(errno, "remove " + path);
  return {};
}

Status PosixFileSystem::create_directories(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    return {StatusCode::failed_precondition, path + " exists and is not a folder"};
  }
  const std::string parent = parent_of(path);
  // "a/b/" has the parent "a/b": each step shortens the path, and "." and "/" exist, so this ends.
  if (parent != path) FERRO_RETURN_IF_ERROR(create_directories(parent));
  if (::mkdir(path.c_str(), kFolderMode) != 0) {
    if (errno == EEXIST) return {};  // "a/b/" again, or another process was faster
    return Status::from_errno(errno, "create folder " + path);
  }
  return sync_directory(parent);
}

Status PosixFileSystem::sync_directory(const std::string& path) {
  Status status = sync_folder(path);
  if (status.code() != StatusCode::unavailable) return status;
  // The lock is held over the sync so that nobody else of this process needs the one descriptor meanwhile.
  const std::lock_guard lock(reserve_mutex_);
  if (reserve_ >= 0) ::close(reserve_);
  status = sync_folder(path);
  reserve_ = take_reserve();
  return status;
}

Result<bool> PosixFileSystem::exists(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return Status::from_errno(errno, "look for " + path);
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;  // removed between the two calls: no longer of interest
    if (it->is_regular_file(gone)) names.push_back(it->path().filename().string());
  }
  if (error) return Status::from_errno(error.value(), "list folder " + folder);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  FERRO_ASSIGN_OR_RETURN(Descriptor descriptor, open_descriptor(path, O_RDWR | O_CREAT, kFileMode));
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Status::from_errno(errno, "lock " + path);
    return Status(StatusCode::failed_precondition, path + " is locked by another process");
  }
  return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(descriptor)));
}

Result<uint64_t> PosixFileSystem::free_bytes(const std::string& folder) {
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) != 0) return Status::from_errno(errno, "free space of " + folder);
  return static_cast<uint64_t>(info.f_bavail) * static_cast<uint64_t>(info.f_frsize);
}

}  // namespace ferro::io
