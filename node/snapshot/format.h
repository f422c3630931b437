// The bytes of a snapshot file, one record at a time: docs/formats/snapshot.md. Pure functions.
//
// Every record head is checksummed starting from the checksum of the head before it, and covers its payload's
// checksum. The last head therefore stands for the whole file: nothing can be missing, added or out of place.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ferro::node::snapshot {

inline constexpr std::string_view kMagic = "FERROSNP";
inline constexpr uint16_t kVersion = 1;
inline constexpr size_t kHeaderBytes = 64;
inline constexpr size_t kRecordHeadBytes = 16;
inline constexpr size_t kTrailerPayloadBytes = 16;
inline constexpr uint8_t kTrailerType = 255;
inline constexpr uint64_t kPayloadBytesMax =
    1U << 30;  // the length field is 32 bits; a reader holds one payload

struct FileHeader {
  uint64_t number = 0;
  uint64_t wal_sequence = 0;
  int64_t created_at_ms = 0;
};

// Appends kHeaderBytes and returns the checksum that the chain of record heads starts from.
uint32_t encode_header(const FileHeader& header, std::string& out);
struct DecodedHeader {
  FileHeader header;
  uint32_t chain = 0;
};
// data_loss says what is wrong with it.
Result<DecodedHeader> decode_header(Bytes bytes);

struct RecordHead {
  uint8_t type = 0;
  uint32_t length = 0;
  uint32_t payload_crc = 0;
};

// Appends kRecordHeadBytes and moves `chain` on.
void encode_record_head(const RecordHead& head, uint32_t& chain, std::string& out);
Result<RecordHead> decode_record_head(Bytes bytes, uint32_t& chain);

struct Trailer {
  uint64_t records = 0;  // without the trailer itself
  uint64_t bytes = 0;    // of the whole file, trailer included
};

void encode_trailer(const Trailer& trailer, std::string& out);
Result<Trailer> decode_trailer(Bytes payload);

}  // namespace ferro::node::snapshot
