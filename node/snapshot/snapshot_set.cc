// The set of snapshots in one folder: manifest, leftovers, retention.
#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "node/snapshot/file_reader.h"
#include "node/snapshot/file_writer.h"
#include "node/snapshot/manifest.h"
#include "node/snapshot/snapshot.h"

namespace ferro::node::snapshot {

namespace {

constexpr size_t kVerifiedMin = 2;  // before an older log may go: one file alone may go bad

struct Kept {
  SnapshotInfo info;
  bool counted = true;    // records and bytes come from the manifest, not from a file that has not been read
  bool verified = false;  // read to its end by this process
};

class FolderSnapshotSet final : public SnapshotSet {
 public:
  FolderSnapshotSet(io::FileSystem& fs, SnapshotOptions options) : fs_(fs), options_(std::move(options)) {}

  Status load(bool salvage);

  std::vector<SnapshotInfo> list() const override;
  Result<std::unique_ptr<SnapshotWriter>> begin(uint64_t wal_sequence, int64_t created_at_ms) override;
  Status read(const SnapshotInfo& info, const Visit& visit) override;
  Status verify(const SnapshotInfo& info) override;
  Result<uint64_t> prune() override;

 private:
  std::string path_of(std::string_view name) const { return options_.folder + "/" + std::string(name); }
  Kept* find(uint64_t number);
  Result<std::vector<SnapshotInfo>> read_manifest() const;
  Status write_manifest();
  Status commit(const SnapshotInfo& info);
  Status remove_leftovers(const std::vector<std::string>& files);
  Status rebuild_from_files(const std::vector<std::string>& files);

  io::FileSystem& fs_;
  const SnapshotOptions options_;
  std::vector<Kept> kept_;  // oldest first
  bool writing_ = false;
};

Status FolderSnapshotSet::load(bool salvage) {
  FERRO_ASSIGN_OR_RETURN(const std::vector<std::string> files, fs_.list(options_.folder));
  const std::string path = path_of(kManifestName);
  FERRO_ASSIGN_OR_RETURN(const bool present, fs_.exists(path));
  Status bad;
  if (present) {
    auto manifest = read_manifest();
    if (manifest.ok()) {
      for (SnapshotInfo& info : *manifest) kept_.push_back({std::move(info)});
      return remove_leftovers(files);
    }
    bad = manifest.status();
    if (bad.code() != StatusCode::data_loss) return bad;
  } else if (std::none_of(files.begin(), files.end(), is_snapshot_file)) {
    // A new folder. The empty manifest goes first, so that a missing one later means loss and nothing else.
    return write_manifest();
  } else {
    bad = Status::data_loss("it is missing although there are snapshot files");
  }
  if (salvage) return rebuild_from_files(files);
  return bad.with_context("snapshot manifest " + path);
}

Result<std::vector<SnapshotInfo>> FolderSnapshotSet::read_manifest() const {
  const auto text = io::read_file(fs_, path_of(kManifestName), kManifestBytesMax);
  if (text.status().code() == StatusCode::too_large) return Status::data_loss(text.status().message());
  FERRO_RETURN_IF_ERROR(text.status());
  return decode_manifest(*text);
}

std::vector<SnapshotInfo> FolderSnapshotSet::list() const {
  std::vector<SnapshotInfo> infos;
  infos.reserve(kept_.size());
  for (const Kept& kept : kept_) infos.push_back(kept.info);
  return infos;
}

Result<std::unique_ptr<SnapshotWriter>> FolderSnapshotSet::begin(uint64_t wal_sequence,
                                                                 int64_t created_at_ms) {
  FERRO_ASSERT(!writing_, "two snapshots are being written at once");
  const uint64_t number = kept_.empty() ? 1 : kept_.back().info.number + 1;
  auto writer = FileWriter::create(
      fs_, options_.folder, {number, wal_sequence, created_at_ms},
      [this](const SnapshotInfo& info) { return commit(info); }, [this] { writing_ = false; });
  if (writer.ok()) writing_ = true;
  return writer;
}

Status FolderSnapshotSet::read(const SnapshotInfo& info, const Visit& visit) {
  Kept* kept = find(info.number);
  if (kept == nullptr) return Status::not_found("there is no snapshot " + std::to_string(info.number));
  const std::string path = path_of(kept->info.file);
  FERRO_ASSIGN_OR_RETURN(const FileFigures figures, read_snapshot_file(fs_, path, visit));
  const bool same =
      figures.header.number == kept->info.number && figures.header.wal_sequence == kept->info.wal_sequence &&
      (!kept->counted || (figures.records == kept->info.records && figures.bytes == kept->info.bytes));
  if (!same) {
    return Status::data_loss("snapshot file " + path +
                             " at offset 0: it is not the one that the manifest names");
  }
  kept->info.records = figures.records;
  kept->info.bytes = figures.bytes;
  kept->counted = true;
  kept->verified = true;
  return {};
}

Status FolderSnapshotSet::verify(const SnapshotInfo& info) {
  return read(info, [](uint8_t, Bytes) { return Status(); });
}

Result<uint64_t> FolderSnapshotSet::prune() {
  // Newest first, keep the first `retention` that verify. A file that has gone bad counts for nothing.
  std::vector<Kept> keep;
  std::vector<std::string> drop;
  size_t verified = 0;
  for (auto it = kept_.rbegin(); it != kept_.rend(); ++it) {
    if (verified >= std::max(options_.retention, kVerifiedMin)) {
      drop.push_back(it->info.file);
      continue;
    }
    Status status = it->verified ? Status() : verify(it->info);
    if (!status.ok() && status.code() != StatusCode::data_loss) return status;
    if (status.ok()) {
      ++verified;
      keep.push_back(*it);
    } else {
      drop.push_back(it->info.file);
    }
  }
  if (verified < kVerifiedMin) return uint64_t{0};
  // The second verified snapshot had to be there; it need not stay.
  while (keep.size() > options_.retention) {
    drop.push_back(keep.back().info.file);
    keep.pop_back();
  }
  std::reverse(keep.begin(), keep.end());
  const uint64_t needed_after = keep.front().info.wal_sequence;
  if (drop.empty()) return needed_after;

  std::vector<Kept> before = std::exchange(kept_, std::move(keep));
  if (Status status = write_manifest(); !status.ok()) {
    kept_ = std::move(before);
    return status;
  }
  for (const std::string& file : drop) {
    Status status = fs_.remove(path_of(file));
    if (!status.ok() && status.code() != StatusCode::not_found) return status;
  }
  FERRO_RETURN_IF_ERROR(fs_.sync_directory(options_.folder));
  return needed_after;
}

Kept* FolderSnapshotSet::find(uint64_t number) {
  for (Kept& kept : kept_) {
    if (kept.info.number == number) return &kept;
  }
  return nullptr;
}

Status FolderSnapshotSet::write_manifest() {
  return io::write_file_atomically(fs_, path_of(kManifestName), as_bytes(encode_manifest(list())));
}

Status FolderSnapshotSet::commit(const SnapshotInfo& info) {
  kept_.push_back({info, true, true});
  Status status = write_manifest();
  if (status.ok()) return {};
  kept_.pop_back();
  // The manifest may have been replaced before something failed. Only a file that it does not name may go;
  // otherwise the next start decides.
  const auto manifest = read_manifest();
  const auto is_this = [&](const SnapshotInfo& named) { return named.number == info.number; };
  if (manifest.ok() && std::none_of(manifest->begin(), manifest->end(), is_this)) {
    static_cast<void>(fs_.remove(path_of(info.file)));
  }
  return status;
}

Status FolderSnapshotSet::remove_leftovers(const std::vector<std::string>& files) {
  bool removed = false;
  for (const std::string& name : files) {
    if (!is_snapshot_or_temp_file(name)) continue;
    const bool named =
        std::any_of(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.info.file == name; });
    if (named) continue;
    FERRO_RETURN_IF_ERROR(fs_.remove(path_of(name)));
    removed = true;
  }
  return removed ? fs_.sync_directory(options_.folder) : Status();
}

// Salvage: without a manifest the files speak for themselves. Each is read, so that the new manifest tells
// the truth of those that verify. Nothing is removed: one that is damaged may still give a part.
Status FolderSnapshotSet::rebuild_from_files(const std::vector<std::string>& files) {
  for (const std::string& name : files) {
    if (!is_snapshot_file(name)) continue;
    auto header = read_snapshot_header(fs_, path_of(name));
    if (!header.ok() || snapshot_file_name(header->number) != name) continue;
    kept_.push_back(
        {{header->number, header->wal_sequence, header->created_at_ms, 0, 0, name}, false, false});
  }
  std::sort(kept_.begin(), kept_.end(),
            [](const Kept& a, const Kept& b) { return a.info.number < b.info.number; });
  for (size_t i = 0; i < kept_.size(); ++i) {
    Status status = verify(kept_[i].info);
    if (!status.ok() && status.code() != StatusCode::data_loss) return status;
  }
  return write_manifest();
}

}  // namespace

Result<std::unique_ptr<SnapshotSet>> SnapshotSet::open(io::FileSystem& fs, SnapshotOptions options,
                                                       bool salvage) {
  FERRO_ASSERT(options.retention > 0, "a retention of no snapshots");
  auto set = std::make_unique<FolderSnapshotSet>(fs, std::move(options));
  FERRO_RETURN_IF_ERROR(set->load(salvage));
  return std::unique_ptr<SnapshotSet>(std::move(set));
}

}  // namespace ferro::node::snapshot
