// The production FileSystem: Linux system calls, every error with the path and the place.
//
// One object serves the process and any thread. It holds one descriptor in reserve: a folder that cannot be
// synced because the process has none left would leave a rename undecided. A call interrupted by a signal
// goes on; nothing else is retried, least of all a sync. New folders are durable when create_directories
// returns.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/io/file_system.h"

namespace ferro::io {

class PosixFileSystem final : public FileSystem {
 public:
  PosixFileSystem();
  ~PosixFileSystem() override;
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status create_directories(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  // The lock file stays behind; only the kernel's lock on it counts, and it ends with the process.
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& folder) override;

 private:
  std::mutex reserve_mutex_;
  int reserve_;  // -1 if even that could not be had
};

}  // namespace ferro::io
