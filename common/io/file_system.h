// The one door to the disk. Production uses PosixFileSystem; crash tests use a file system that loses
// unsynced writes, tears sectors and fails on command.
//
// Thread rule: FileSystem is thread-safe; a File belongs to one thread at a time. All sizes and offsets are
// bytes. ENOSPC comes back as StatusCode::no_space, a lack of descriptors as unavailable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ferro::io {

class File {
 public:
  virtual ~File() = default;  // closes
  // Writes all of `data` at `offset` or fails; a failed write may have written a part.
  virtual Status write_at(uint64_t offset, Bytes data) = 0;
  // Reads up to `size` bytes into `out` (resized to what was read; shorter only at the end of the file).
  virtual Status read_at(uint64_t offset, size_t size, std::string& out) const = 0;
  virtual Result<uint64_t> size() const = 0;
  virtual Status truncate(uint64_t size) = 0;
  // fdatasync: the data, and the size if it changed. After a failure the unsynced part is lost: never retry.
  virtual Status sync_data() = 0;
};

// Held as long as the object lives; released by the kernel when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : uint8_t {
  read,          // must exist
  read_write,    // must exist
  create,        // created, or opened as it stands
  create_empty,  // created, or truncated
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  virtual Status remove(const std::string& path) = 0;                         // a file
  virtual Status create_directories(const std::string& path) = 0;
  virtual Status sync_directory(const std::string& path) = 0;  // makes create, rename and remove durable
  virtual Result<bool> exists(const std::string& path) = 0;
  // Names (no paths) of the regular files in a folder, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
  // Exclusive, non-blocking; failed_precondition when somebody else holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& folder) = 0;
};

// The whole file as a string; too_large if it is over `bytes_max`.
Result<std::string> read_file(FileSystem& fs, const std::string& path, size_t bytes_max);
// Temp name beside `path`, fdatasync, rename, directory sync: readers see the old or the new content.
Status write_file_atomically(FileSystem& fs, const std::string& path, Bytes content);

}  // namespace ferro::io
