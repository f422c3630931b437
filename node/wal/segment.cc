#include "node/wal/segment.h"

#include <cstdio>

#include "common/io/crc32c.h"

namespace ferro::node::wal {
namespace {

constexpr std::string_view kMagic = "FERROWAL";
constexpr std::string_view kSegmentPrefix = "wal-";
constexpr std::string_view kFreePrefix = "free-";
constexpr std::string_view kSuffix = ".log";
constexpr size_t kDigits = 12;
constexpr uint16_t kFlagRecycled = 1;
constexpr uint16_t kFlagSalvaged = 2;
constexpr size_t kChecksumOffset = kSegmentHeaderBytes - sizeof(uint32_t);

std::string numbered(std::string_view prefix, uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return std::string(prefix) + digits + std::string(kSuffix);
}

std::optional<uint64_t> parse_numbered(std::string_view prefix, std::string_view name) {
  if (name.size() != prefix.size() + kDigits + kSuffix.size() || !name.starts_with(prefix) ||
      !name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  uint64_t number = 0;
  for (const char digit : name.substr(prefix.size(), kDigits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  return number;
}

}  // namespace

void encode_segment_header(const SegmentHeader& header, std::string& out) {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.raw(as_bytes(kMagic));
  writer.u16(kFormatVersion);
  writer.u16(static_cast<uint16_t>(kSegmentHeaderBytes));
  writer.u16(
      static_cast<uint16_t>((header.recycled ? kFlagRecycled : 0) | (header.salvaged ? kFlagSalvaged : 0)));
  writer.u16(0);
  writer.u64(header.number);
  writer.u64(header.incarnation);
  writer.u64(header.first_sequence);
  writer.u64(header.file_bytes);
  out.resize(start + kChecksumOffset, '\0');  // reserved
  writer.u32(io::crc32c(as_bytes(out).subspan(start)));
}

Result<SegmentHeader> decode_segment_header(Bytes bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return Status::data_loss("the segment header is cut off");
  const Bytes block = bytes.first(kSegmentHeaderBytes);
  ByteReader checksum(block.subspan(kChecksumOffset));
  if (checksum.u32() != io::crc32c(block.first(kChecksumOffset))) {
    return Status::data_loss("the segment header does not verify");
  }
  ByteReader reader(block);
  if (as_text(reader.raw(kMagic.size())) != kMagic) return Status::data_loss("this is not a log segment");
  // Every version keeps this block's size, magic, version and checksum where they are: verified, a higher
  // number is a later format and not damage.
  const uint16_t version = reader.u16();
  const uint16_t header_bytes = reader.u16();
  if (version != kFormatVersion || header_bytes != kSegmentHeaderBytes) {
    return Status(StatusCode::failed_precondition,
                  "the segment has format version " + std::to_string(version) +
                      ", this program reads version " + std::to_string(kFormatVersion) +
                      ": start the program version that wrote it");
  }
  SegmentHeader header;
  const uint16_t flags = reader.u16();
  header.recycled = (flags & kFlagRecycled) != 0;
  header.salvaged = (flags & kFlagSalvaged) != 0;
  reader.u16();
  header.number = reader.u64();
  header.incarnation = reader.u64();
  header.first_sequence = reader.u64();
  header.file_bytes = reader.u64();
  if (header.first_sequence == 0 || header.first_sequence > kSequenceMax) {
    return Status::data_loss("the segment header names an impossible first record");
  }
  return header;
}

std::string segment_name(uint64_t number) {
  return numbered(kSegmentPrefix, number);
}
std::string free_name(uint64_t number) {
  return numbered(kFreePrefix, number);
}
std::optional<uint64_t> parse_segment_name(std::string_view name) {
  return parse_numbered(kSegmentPrefix, name);
}
std::optional<uint64_t> parse_free_name(std::string_view name) {
  return parse_numbered(kFreePrefix, name);
}

Result<FolderListing> list_folder(io::FileSystem& fs, const std::string& folder) {
  FERRO_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.list(folder));
  FolderListing listing;
  for (const std::string& name : names) {  // sorted, and the digits have a fixed width
    if (const auto number = parse_segment_name(name)) {
      listing.segments.push_back(*number);
    } else if (const auto unused = parse_free_name(name)) {
      listing.free.push_back(*unused);
    } else if (name.ends_with(kTemporarySuffix) &&
               parse_segment_name(std::string_view(name).substr(0, name.size() - kTemporarySuffix.size()))) {
      listing.unfinished.push_back(name);
    }
  }
  return listing;
}

}  // namespace ferro::node::wal
