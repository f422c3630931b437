// Writes one snapshot file under a temp name and, when complete, gives it its name. See snapshot.h for the
// order of steps. Belongs to the thread that writes the snapshot; does not outlive its SnapshotSet.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/snapshot/format.h"
#include "node/snapshot/snapshot.h"

namespace ferro::node::snapshot {

class FileWriter final : public SnapshotWriter {
 public:
  // Names the finished snapshot in the manifest.
  using Commit = std::function<Status(const SnapshotInfo&)>;

  // `closed` is called once, when the writer goes, finished or not.
  static Result<std::unique_ptr<SnapshotWriter>> create(io::FileSystem& fs, std::string folder,
                                                        FileHeader header, Commit commit,
                                                        std::function<void()> closed);
  FileWriter(io::FileSystem& fs, std::string folder, FileHeader header, Commit commit,
             std::function<void()> closed);
  ~FileWriter() override;

  Status add(uint8_t type, Bytes payload) override;
  Result<SnapshotInfo> finish() override;

 private:
  Status append_record(uint8_t type, Bytes payload);
  Status flush();
  Status write(Bytes bytes);
  std::string temp_path() const;

  io::FileSystem& fs_;
  const std::string folder_;
  const FileHeader header_;
  const Commit commit_;
  const std::function<void()> closed_;
  std::unique_ptr<io::File> file_;
  std::string buffer_;
  uint64_t written_ = 0;   // bytes handed to the file system
  uint64_t unsynced_ = 0;  // of these, since the last sync
  uint64_t records_ = 0;
  uint32_t chain_ = 0;
  bool renamed_ = false;
  Status failed_;  // the first error; after it nothing is tried again
};

}  // namespace ferro::node::snapshot
