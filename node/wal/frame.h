// One frame of a log segment: a checked header of fixed size, then the payload. Byte table:
// docs/formats/wal.md.
//
// Pure functions over bytes. The header has a checksum of its own, so a damaged payload leaves its length and
// sequence readable, and one search for a verifying header tells what stands behind a damaged place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/bytes.h"
#include "node/wal/wal.h"

namespace ferro::node::wal {

inline constexpr size_t kFrameHeaderBytes = 40;

enum class FrameType : uint8_t {
  record = 1,        // a payload of the caller
  acknowledged = 2,  // at the tail: everything up to `sequence` has been synced
  continued = 3,     // at the tail of a closed segment: `sequence` was its last, the next segment exists
  gap = 4,           // written by salvage: the records before `sequence` that are missing here are given up
};
// A reader skips frames of an unknown type from here on and refuses unknown types below.
inline constexpr uint8_t kFirstSkippableType = 0x80;

struct FrameHeader {
  FrameType type = FrameType::record;
  uint8_t flags = 0;  // none defined; a reader refuses frames with flags that it does not know
  uint32_t payload_bytes = 0;
  uint32_t payload_crc = 0;
  uint64_t incarnation = 0;  // of the segment: bytes left from an earlier life of the file have another
  Sequence sequence = 0;
  Sequence batch_first = 0;  // records: the first sequence of the append() that wrote this one
};

// Appends header and payload to `out`; length and checksums are computed here.
void encode_frame(FrameHeader header, Bytes payload, std::string& out);

// False unless `bytes` begins with a header whose checksum is right. Any incarnation, any type.
bool decode_frame_header(Bytes bytes, FrameHeader& header);
bool payload_verifies(const FrameHeader& header, Bytes payload);

// Where the incarnation stands in a header: the needle to search for.
inline constexpr size_t kIncarnationOffset = 16;

}  // namespace ferro::node::wal
