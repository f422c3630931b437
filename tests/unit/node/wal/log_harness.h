// What the log's tests share: opening with collected records, short payloads by number.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "node/wal/wal.h"

namespace ferro::node::wal {

struct Record {
  Sequence sequence = 0;
  std::string payload;
  friend bool operator==(const Record&, const Record&) = default;
};

inline void PrintTo(const Record& record, std::ostream* out) {
  *out << record.sequence << ":" << record.payload.substr(0, 20) << "[" << record.payload.size() << "]";
}

// One opened log, or the reason why there is none.
struct OpenLog {
  Status status;
  std::unique_ptr<Wal> wal;
  std::vector<Record> records;
  RecoveryReport report;
};

inline OpenLog open_log(io::FileSystem& fs, const Clock& clock, WalOptions options, Sequence after = 0) {
  OpenLog log;
  auto opened = Wal::open(
      fs, clock, std::move(options), after,
      [&log](Sequence sequence, Bytes payload) {
        log.records.push_back({sequence, std::string(as_text(payload))});
        return Status();
      },
      log.report);
  log.status = opened.status();
  if (opened.ok()) log.wal = std::move(*opened);
  return log;
}

// The payload of record `sequence`: tells its number, and has a size of its own.
inline std::string payload_of(Sequence sequence, size_t bytes = 0) {
  std::string text = "record " + std::to_string(sequence) + " ";
  if (bytes == 0) bytes = 20 + sequence * 37 % 200;
  while (text.size() < bytes) text.push_back(static_cast<char>('a' + (text.size() + sequence) % 26));
  return text;
}

// Appends `count` records in one batch with the payloads that their numbers call for.
inline Result<Sequence> append_records(Wal& wal, size_t count, size_t bytes = 0) {
  std::vector<std::string> payloads;
  for (size_t i = 0; i < count; ++i) payloads.push_back(payload_of(wal.last_sequence() + 1 + i, bytes));
  return wal.append(payloads);
}

inline std::vector<Record> expected_records(Sequence first, Sequence last, size_t bytes = 0) {
  std::vector<Record> records;
  for (Sequence s = first; s <= last; ++s) records.push_back({s, payload_of(s, bytes)});
  return records;
}

}  // namespace ferro::node::wal
