// Any bytes as a snapshot file or a manifest: they are refused with a reason, or read without touching memory
// that is not theirs. Mutated bytes hardly ever keep a checksum, so half of the inputs have theirs put right
// first.
//
// First byte: 0 a file, 1 a file to repair, 2 a manifest, 3 a manifest to repair.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "common/base/assert.h"
#include "common/io/crc32c.h"
#include "node/snapshot/file_reader.h"
#include "node/snapshot/format.h"
#include "node/snapshot/manifest.h"

using namespace ferro;

namespace {

Status read_only() {
  return Status::io_error("read-only");
}

class OneFile final : public io::File {
 public:
  explicit OneFile(Bytes content) : content_(content) {}
  Status write_at(uint64_t, Bytes) override { return read_only(); }
  Status read_at(uint64_t offset, size_t size, std::string& out) const override {
    const size_t start = static_cast<size_t>(std::min<uint64_t>(offset, content_.size()));
    out = as_text(content_.subspan(start, std::min(size, content_.size() - start)));
    return {};
  }
  Result<uint64_t> size() const override { return uint64_t{content_.size()}; }
  Status truncate(uint64_t) override { return read_only(); }
  Status sync_data() override { return read_only(); }

 private:
  const Bytes content_;
};

class OneFileSystem final : public io::FileSystem {
 public:
  explicit OneFileSystem(Bytes content) : content_(content) {}
  Result<std::unique_ptr<io::File>> open(const std::string&, io::OpenMode) override {
    return std::unique_ptr<io::File>(std::make_unique<OneFile>(content_));
  }
  Status rename(const std::string&, const std::string&) override { return read_only(); }
  Status remove(const std::string&) override { return read_only(); }
  Status create_directories(const std::string&) override { return read_only(); }
  Status sync_directory(const std::string&) override { return read_only(); }
  Result<bool> exists(const std::string&) override { return true; }
  Result<std::vector<std::string>> list(const std::string&) override { return std::vector<std::string>(); }
  Result<std::unique_ptr<io::FileLock>> lock(const std::string&) override { return read_only(); }
  Result<uint64_t> free_bytes(const std::string&) override { return uint64_t{0}; }

 private:
  const Bytes content_;
};

void put_u32(std::string& file, size_t at, uint32_t value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}

void repair(std::string& file) {
  using namespace node::snapshot;
  if (file.size() < kHeaderBytes) return;
  uint32_t chain = io::crc32c(as_bytes(file).first(kHeaderBytes - 4));
  put_u32(file, kHeaderBytes - 4, chain);
  for (size_t at = kHeaderBytes; at + kRecordHeadBytes <= file.size();) {
    uint32_t length = 0;
    std::memcpy(&length, file.data() + at, sizeof length);
    const size_t left = file.size() - at - kRecordHeadBytes;
    if (length <= left)
      put_u32(file, at + 8, io::crc32c(as_bytes(file).subspan(at + kRecordHeadBytes, length)));
    chain = io::crc32c(as_bytes(file).subspan(at, kRecordHeadBytes - 4), chain);
    put_u32(file, at + kRecordHeadBytes - 4, chain);
    if (length > left) return;
    at += kRecordHeadBytes + length;
  }
}

void read_file(Bytes content) {
  OneFileSystem fs(content);
  uint64_t records = 0;
  uint64_t bytes = 0;
  const auto figures = node::snapshot::read_snapshot_file(fs, "file", [&](uint8_t type, Bytes payload) {
    FERRO_ASSERT(type != node::snapshot::kTrailerType, "the trailer is not a record");
    ++records;
    for (const uint8_t byte : payload) bytes += byte;  // touches all of it
    return Status();
  });
  if (!figures.ok()) {
    const StatusCode code = figures.status().code();
    FERRO_ASSERT(code == StatusCode::data_loss || code == StatusCode::failed_precondition,
                 "damage or a later format");
    return;
  }
  FERRO_ASSERT(figures->records == records && figures->bytes == content.size(),
               "the trailer's figures are true");
}

void read_manifest(std::string_view text) {
  const auto infos = node::snapshot::decode_manifest(text);
  if (!infos.ok()) return;
  const auto again = node::snapshot::decode_manifest(node::snapshot::encode_manifest(*infos));
  FERRO_ASSERT(again.ok() && again->size() == infos->size(), "a manifest that was read can be written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 1:
      repair(input);
      [[fallthrough]];
    case 0:
      read_file(as_bytes(input));
      break;
    case 3: {
      const size_t at = input.rfind("crc32c ");
      if (at == std::string::npos) return 0;
      input.resize(at);
      char line[32];
      std::snprintf(line, sizeof line, "crc32c %08x\n", io::crc32c(as_bytes(input)));
      input += line;
      [[fallthrough]];
    }
    default:
      read_manifest(input);
  }
  return 0;
}
