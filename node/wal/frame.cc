#include "node/wal/frame.h"

#include "common/io/crc32c.h"

namespace ferro::node::wal {

void encode_frame(FrameHeader header, Bytes payload, std::string& out) {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.u32(0);  // header checksum, filled in below
  writer.u32(io::crc32c(payload));
  writer.u32(static_cast<uint32_t>(payload.size()));
  writer.u8(static_cast<uint8_t>(header.type));
  writer.u8(header.flags);
  writer.u16(0);
  writer.u64(header.incarnation);
  writer.u64(header.sequence);
  writer.u64(header.batch_first);
  const uint32_t checksum = io::crc32c(as_bytes(out).subspan(start + sizeof(uint32_t)));
  std::memcpy(out.data() + start, &checksum, sizeof checksum);
  writer.raw(payload);
}

bool decode_frame_header(Bytes bytes, FrameHeader& header) {
  if (bytes.size() < kFrameHeaderBytes) return false;
  ByteReader reader(bytes.first(kFrameHeaderBytes));
  const uint32_t checksum = reader.u32();
  if (checksum != io::crc32c(bytes.subspan(sizeof checksum, kFrameHeaderBytes - sizeof checksum)))
    return false;
  header.payload_crc = reader.u32();
  header.payload_bytes = reader.u32();
  header.type = static_cast<FrameType>(reader.u8());
  header.flags = reader.u8();
  reader.u16();
  header.incarnation = reader.u64();
  header.sequence = reader.u64();
  header.batch_first = reader.u64();
  return true;
}

bool payload_verifies(const FrameHeader& header, Bytes payload) {
  return payload.size() == header.payload_bytes && io::crc32c(payload) == header.payload_crc;
}

}  // namespace ferro::node::wal
