// Arbitrary bytes as log segments: opening, replaying and salvaging never crash, and keep their promises to
// each other.
//
// First byte: bit 0 = make all checksums right first (otherwise mutations hardly get past them), bit 1 = two
// segments, split in the middle. The rest is file content.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/base/assert.h"
#include "common/io/crc32c.h"
#include "common/time/clock.h"
#include "node/wal/frame.h"
#include "node/wal/inspect.h"
#include "node/wal/segment.h"
#include "node/wal/wal.h"
#include "tests/fakes/faulty_file_system.h"

namespace {

using ferro::Bytes;
using ferro::Status;
using ferro::StatusCode;
using ferro::tests::fakes::FaultyFileSystem;
namespace wal = ferro::node::wal;

using Records = std::vector<std::pair<wal::Sequence, std::string>>;

void put_crc(std::string& bytes, size_t at, size_t from, size_t size) {
  const uint32_t checksum = ferro::io::crc32c(ferro::as_bytes(bytes).subspan(from, size));
  std::memcpy(bytes.data() + at, &checksum, sizeof checksum);
}

// Walks the frames by their lengths and makes header and payloads verify.
void sign(std::string& file) {
  if (file.size() < wal::kSegmentHeaderBytes) return;
  put_crc(file, 60, 0, 60);
  size_t at = wal::kSegmentHeaderBytes;
  while (at + wal::kFrameHeaderBytes <= file.size()) {
    uint32_t payload_bytes = 0;
    std::memcpy(&payload_bytes, file.data() + at + 8, sizeof payload_bytes);
    const size_t left = file.size() - at - wal::kFrameHeaderBytes;
    if (payload_bytes <= left) put_crc(file, at + 4, at + wal::kFrameHeaderBytes, payload_bytes);
    put_crc(file, at, at + 4, wal::kFrameHeaderBytes - 4);
    if (payload_bytes > left) break;
    at += wal::kFrameHeaderBytes + payload_bytes;
  }
}

struct Opened {
  Status status;
  std::unique_ptr<wal::Wal> log;
  Records records;
};

Opened open(FaultyFileSystem& fs, const ferro::Clock& clock, bool salvage) {
  Opened opened;
  wal::WalOptions options;
  options.folder = "log";
  options.segment_bytes = 1024;
  options.salvage = salvage;
  wal::RecoveryReport report;
  auto log = wal::Wal::open(
      fs, clock, options, 0,
      [&opened](wal::Sequence sequence, Bytes payload) {
        opened.records.emplace_back(sequence, ferro::as_text(payload));
        return Status();
      },
      report);
  opened.status = log.status();
  if (log.ok()) opened.log = std::move(log).value();
  return opened;
}

void fill(FaultyFileSystem& fs, const std::vector<std::string>& files) {
  for (size_t i = 0; i < files.size(); ++i) fs.set_content("log/" + wal::segment_name(i + 1), files[i]);
}

void expect(bool condition, const char* what) {
  FERRO_ASSERT(condition, what);
}

// Opens twice and appends in between; returns what the first open found.
Opened check_normal(FaultyFileSystem& fs, const ferro::Clock& clock) {
  Opened first = open(fs, clock, false);
  if (!first.status.ok()) {
    expect(first.status.code() == StatusCode::data_loss ||
               first.status.code() == StatusCode::failed_precondition ||
               first.status.code() == StatusCode::internal,
           "a refused start has a reason");
    return first;
  }
  Records expected = first.records;
  const auto appended = first.log->append(std::vector<std::string>{"appended"});
  if (appended.ok()) expected.emplace_back(appended.value(), "appended");
  first.log.reset();
  const Opened second = open(fs, clock, false);
  expect(second.status.ok(), "an accepted log is accepted again");
  expect(second.records == expected, "a restart finds the same records and the appended one");
  return first;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const uint8_t mode = data[0];
  std::string content(reinterpret_cast<const char*>(data + 1), size - 1);
  std::vector<std::string> files{content};
  if ((mode & 2) != 0) files = {content.substr(0, content.size() / 2), content.substr(content.size() / 2)};
  if ((mode & 1) != 0) {
    for (std::string& file : files) sign(file);
  }
  const ferro::ManualClock clock;

  FaultyFileSystem plain(1);
  fill(plain, files);
  const auto report = wal::verify_log(plain, "log", 0);
  const Opened normal = check_normal(plain, clock);
  if (report.ok())
    expect(report.value().verdict.code() == normal.status.code(), "the offline verdict is the start's");

  FaultyFileSystem damaged(1);
  fill(damaged, files);
  const Opened salvaged = open(damaged, clock, true);
  if (normal.status.ok()) expect(salvaged.records == normal.records, "salvage leaves an intact log alone");
  if (normal.status.code() == StatusCode::data_loss) {
    expect(salvaged.status.ok() || salvaged.status.code() == StatusCode::failed_precondition,
           "salvage makes a damaged log start");
  }
  if (salvaged.status.ok()) {
    const Opened again = check_normal(damaged, clock);
    expect(again.status.ok() && again.records == salvaged.records, "a salvaged log starts normally");
  }
  return 0;
}
