#include "node/snapshot/format.h"

#include "common/io/crc32c.h"

namespace ferro::node::snapshot {

namespace {

constexpr size_t kCrcBytes = 4;

}  // namespace

uint32_t encode_header(const FileHeader& header, std::string& out) {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.raw(as_bytes(kMagic));
  writer.u16(kVersion);
  writer.u16(kHeaderBytes);
  writer.u32(0);  // flags
  writer.u64(header.number);
  writer.u64(header.wal_sequence);
  writer.u64(static_cast<uint64_t>(header.created_at_ms));
  out.resize(start + kHeaderBytes - kCrcBytes, '\0');
  const uint32_t crc = io::crc32c(as_bytes(out).subspan(start));
  writer.u32(crc);
  return crc;
}

Result<DecodedHeader> decode_header(Bytes bytes) {
  if (bytes.size() < kHeaderBytes) return Status::data_loss("the file is shorter than its header");
  ByteReader reader(bytes.first(kHeaderBytes));
  if (as_text(reader.raw(kMagic.size())) != kMagic) return Status::data_loss("this is not a snapshot file");
  const uint16_t version = reader.u16();
  const uint16_t header_bytes = reader.u16();
  const uint32_t flags = reader.u32();
  DecodedHeader decoded;
  decoded.header.number = reader.u64();
  decoded.header.wal_sequence = reader.u64();
  decoded.header.created_at_ms = static_cast<int64_t>(reader.u64());
  reader.raw(reader.left() - kCrcBytes);  // reserved
  decoded.chain = reader.u32();
  if (decoded.chain != io::crc32c(bytes.first(kHeaderBytes - kCrcBytes))) {
    return Status::data_loss("the header's checksum does not match");
  }
  // Checked after the checksum: a true header of a later version is told apart from a damaged one.
  if (version != kVersion || header_bytes != kHeaderBytes || flags != 0) {
    return Status(StatusCode::failed_precondition, "format version " + std::to_string(version) +
                                                       " is newer than this program reads (" +
                                                       std::to_string(kVersion) + ")");
  }
  return decoded;
}

void encode_record_head(const RecordHead& head, uint32_t& chain, std::string& out) {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.u32(head.length);
  writer.u32(head.type);  // one byte of type, three of zero
  writer.u32(head.payload_crc);
  chain = io::crc32c(as_bytes(out).subspan(start), chain);
  writer.u32(chain);
}

Result<RecordHead> decode_record_head(Bytes bytes, uint32_t& chain) {
  if (bytes.size() < kRecordHeadBytes) return Status::data_loss("the file ends inside a record head");
  const uint32_t expected = io::crc32c(bytes.first(kRecordHeadBytes - kCrcBytes), chain);
  ByteReader reader(bytes);
  RecordHead head;
  head.length = reader.u32();
  const uint32_t type = reader.u32();
  head.payload_crc = reader.u32();
  if (reader.u32() != expected) return Status::data_loss("a record head's checksum does not match");
  if (type > kTrailerType) return Status::data_loss("a record has an impossible type");
  head.type = static_cast<uint8_t>(type);
  chain = expected;
  return head;
}

void encode_trailer(const Trailer& trailer, std::string& out) {
  ByteWriter writer(out);
  writer.u64(trailer.records);
  writer.u64(trailer.bytes);
}

Result<Trailer> decode_trailer(Bytes payload) {
  if (payload.size() != kTrailerPayloadBytes) return Status::data_loss("the trailer has a wrong size");
  ByteReader reader(payload);
  Trailer trailer;
  trailer.records = reader.u64();
  trailer.bytes = reader.u64();
  return trailer;
}

}  // namespace ferro::node::snapshot
