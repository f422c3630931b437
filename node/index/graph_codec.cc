#include "node/index/graph_codec.h"

#include <cmath>
#include <string>

#include "node/index/row_set.h"

namespace ferro::node::index {

namespace {

constexpr uint32_t kMagic = 0x4652'4746;  // "FGRF"
constexpr uint16_t kVersion = 1;
constexpr uint8_t kCovered = 1;
constexpr size_t kElementBytesMin = sizeof(uint32_t) + 2 * sizeof(uint8_t) + sizeof(uint16_t);

Status damaged(const std::string& what) {
  return Status::data_loss("saved graph: " + what);
}

// A stored vector of another length than 1 would bend every walk that passes it.
bool is_unit_vector(Bytes bytes) {
  double squares = 0.0;
  for (size_t i = 0; i < bytes.size(); i += sizeof(float)) {
    float value = 0.0F;
    std::memcpy(&value, bytes.data() + i, sizeof value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  return std::abs(squares - 1.0) < 1e-3;  // false for NaN and infinity
}

class Decoder {
 public:
  Decoder(Bytes saved, const RowArena& arena, size_t max_links, std::span<const Row> row_of)
      : in_(saved), arena_(arena), max_links_(max_links), row_of_(row_of) {}

  Result<DecodedGraph> decode() {
    FERRO_RETURN_IF_ERROR(read_header());
    for (uint32_t element = 0; element < count_; ++element) FERRO_RETURN_IF_ERROR(read_element(element));
    if (in_.failed()) return damaged("it is cut short");
    if (!in_.done()) return damaged("bytes follow its end");
    FERRO_RETURN_IF_ERROR(check_links());
    return std::move(out_);
  }

 private:
  Status read_header() {
    const uint32_t magic = in_.u32();
    const uint16_t version = in_.u16();
    const uint32_t dimension = in_.u32();
    const uint32_t max_links = in_.u32();
    count_ = in_.u32();
    out_.parts.entry = in_.u32();
    if (in_.failed() || magic != kMagic) return damaged("no graph");
    if (version != kVersion) return damaged("version " + std::to_string(version) + " is not known");
    if (dimension != arena_.dimension()) return damaged("another dimension");
    if (max_links != max_links_) {
      return {StatusCode::failed_precondition,
              "the saved graph was built with another hnsw.max_nb_connection"};
    }
    // Also bounds what is allocated by what was given.
    if (count_ == 0 || count_ > in_.left() / kElementBytesMin) return damaged("wrong size");
    if (out_.parts.entry >= count_) return damaged("its entry element does not exist");
    out_.parts.rows.reserve(count_);
    out_.parts.levels.reserve(count_);
    return {};
  }

  Status read_element(uint32_t element) {
    const uint32_t ordinal = in_.u32();
    Row row = kNoRow;
    if (ordinal == kNoRow) {
      const Bytes vector = in_.raw(arena_.dimension() * sizeof(float));
      if (in_.failed() || !is_unit_vector(vector)) return damaged("a dead row's vector is not of length 1");
      out_.dead.push_back({element, vector});
    } else {
      if (in_.failed() || ordinal >= row_of_.size()) return damaged("it links an entry that is not there");
      row = row_of_[ordinal];
      if (row == kNoRow || !arena_.is_live(row)) return damaged("it links an entry that is not live");
      if (seen_.contains(row)) return damaged("two of its elements are one entry");
      seen_.insert(row);
    }
    const uint8_t flags = in_.u8();
    const uint8_t level = in_.u8();
    if (in_.failed() || flags > kCovered) return damaged("unknown flags");
    if (row != kNoRow && flags == kCovered) out_.covered.insert(row);
    out_.parts.rows.push_back(row);
    out_.parts.levels.push_back(level);
    for (size_t i = 0; i <= level; ++i) {
      const uint16_t links = in_.u16();
      if (in_.failed()) return damaged("it is cut short");
      if (links > (i == 0 ? 2 * max_links_ : max_links_))
        return damaged("more links than max_nb_connection allows");
      out_.parts.links.push_back(links);
      for (uint16_t k = 0; k < links; ++k) out_.parts.links.push_back(in_.u32());
    }
    return {};
  }

  // Once all levels are known: every link leads to another element that exists on that level.
  Status check_links() const {
    const GraphParts& parts = out_.parts;
    const uint8_t top = parts.levels[parts.entry];
    size_t at = 0;
    for (uint32_t element = 0; element < count_; ++element) {
      if (parts.levels[element] > top) return damaged("its entry element is not on the highest level");
      for (size_t level = 0; level <= parts.levels[element]; ++level) {
        for (uint32_t left = parts.links[at++]; left > 0; --left) {
          const uint32_t other = parts.links[at++];
          if (other >= count_ || other == element || parts.levels[other] < level) {
            return damaged("a link leads nowhere");
          }
        }
      }
    }
    return {};
  }

  ByteReader in_;
  const RowArena& arena_;
  const size_t max_links_;
  const std::span<const Row> row_of_;
  uint32_t count_ = 0;
  RowSet seen_;
  DecodedGraph out_;
};

}  // namespace

void encode_graph(const Graph& graph, const RowSet& covered, const RowArena& arena,
                  const std::function<uint32_t(Row)>& ordinal_of, std::string& out) {
  ByteWriter writer(out);
  writer.u32(kMagic);
  writer.u16(kVersion);
  writer.u32(static_cast<uint32_t>(arena.dimension()));
  writer.u32(static_cast<uint32_t>(graph.max_links()));
  writer.u32(static_cast<uint32_t>(graph.size()));
  writer.u32(graph.entry());
  for (uint32_t element = 0; element < graph.size(); ++element) {
    const Row row = graph.row(element);
    const uint32_t ordinal = ordinal_of(row);
    writer.u32(ordinal);
    if (ordinal == kNoRow) {
      writer.raw({reinterpret_cast<const uint8_t*>(arena.vector(row)), arena.dimension() * sizeof(float)});
    }
    const uint8_t top = graph.level(element);
    writer.u8(covered.contains(row) ? kCovered : 0);
    writer.u8(top);
    for (uint8_t level = 0; level <= top; ++level) {
      const std::span<const uint32_t> links = graph.links(element, level);
      writer.u16(static_cast<uint16_t>(links.size()));
      writer.raw({reinterpret_cast<const uint8_t*>(links.data()), links.size_bytes()});
    }
  }
}

Result<DecodedGraph> decode_graph(Bytes saved, const RowArena& arena, size_t max_nb_connection,
                                  std::span<const Row> row_of) {
  return Decoder(saved, arena, max_nb_connection, row_of).decode();
}

}  // namespace ferro::node::index
