// An in-memory FileSystem for crash tests: loses what was not synced, tears writes at sectors, fails on
// command.
//
// What is modelled: a write survives a power cut only after its file's sync_data; of unsynced writes each
// 512-byte sector survives or not, by the seed. A new, renamed or removed name survives only after
// sync_directory; of unsynced changes any may be lost, together with those that build on them. After a failed
// sync the writes before it are no longer pending: reads still see them, later syncs do not save them (as
// Linux does). Folders are durable at once.
//
// Thread-safe. Files keep the shared state alive.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/io/file_system.h"

namespace ferro::tests::fakes {

class FaultyFileSystem final : public io::FileSystem {
 public:
  explicit FaultyFileSystem(uint64_t seed);
  ~FaultyFileSystem() override;

  // --- faults; operations are those that change something, counted from 1 ---
  uint64_t operations() const;
  // Operation `number` is interrupted by a crash: it may have its effect, a part of it or none. Everything
  // after fails.
  void crash_at(uint64_t number);
  void crash();  // now
  bool crashed() const;
  // Bytes that all files together may take. Beyond: no_space, after writing what fits.
  void set_capacity(uint64_t bytes);
  // The nth write (or sync of a file or folder), from now on and counted from 1, fails once; a failed write
  // writes a part, by the seed. 0: never.
  void fail_write(uint64_t nth, StatusCode code = StatusCode::io_error);
  void fail_sync(uint64_t nth, StatusCode code = StatusCode::io_error);

  // Opening any file fails for lack of descriptors, until told otherwise.
  void set_out_of_descriptors(bool out);

  // What a new process finds. After a power cut: what survived. After a kill: everything as it was seen,
  // while what was not synced may still be lost by a later power cut. This object is dead afterwards: all its
  // operations fail.
  std::unique_ptr<FaultyFileSystem> after_power_cut(uint64_t seed);
  std::unique_ptr<FaultyFileSystem> after_kill(uint64_t seed);

  // --- for tests that damage files: durable at once, not counted ---
  std::string content(const std::string& path) const;  // empty if there is none
  void set_content(const std::string& path, const std::string& content);
  void erase(const std::string& path);

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status create_directories(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Result<std::unique_ptr<io::FileLock>> lock(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& folder) override;

 private:
  struct State;
  class FaultyFile;
  class FaultyLock;
  explicit FaultyFileSystem(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace ferro::tests::fakes
