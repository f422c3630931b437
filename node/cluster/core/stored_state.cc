#include "node/cluster/core/stored_state.h"

#include <charconv>
#include <string_view>

#include "common/base/bytes.h"

namespace ferro::node::cluster {

namespace {

constexpr std::string_view kFileName = "CLUSTER";
constexpr size_t kFileBytesMax = 1 << 20;  // a ring of a thousand members is a tenth of it

std::string path_in(const std::string& folder) {
  return folder + "/" + std::string(kFileName);
}

template <typename T>
bool parse_number(std::string_view text, T& out) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, out);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

}  // namespace

std::string print_stored_state(const StoredState& state) {
  std::string text = "generation " + std::to_string(state.generation) + "\nlast_alive_ms " +
                     std::to_string(state.last_alive_ms) + "\n";
  if (state.ring) text += "ring " + encode_ring(*state.ring) + "\n";
  return text + "end\n";
}

Result<StoredState> parse_stored_state(const std::string& text) {
  StoredState state;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t line_end = rest.find('\n');
    if (line_end == std::string_view::npos) break;
    const std::string_view line = rest.substr(0, line_end);
    rest.remove_prefix(line_end + 1);
    if (line == "end") return state;
    const size_t space = line.find(' ');
    const std::string_view name = line.substr(0, space);
    const std::string_view value = space == std::string_view::npos ? "" : line.substr(space + 1);
    bool good = true;
    if (name == "generation") good = parse_number(value, state.generation);
    if (name == "last_alive_ms") good = parse_number(value, state.last_alive_ms);
    if (name == "ring") {
      auto ring = decode_ring(value);
      good = ring.ok() && fits_into_gossip(*ring);
      if (good) state.ring = *std::move(ring);
    }
    if (!good) return Status::data_loss("the line `" + std::string(name) + "` cannot be read");
  }
  return Status::data_loss("it has no end");
}

Result<StoredState> load_stored_state(io::FileSystem& fs, const std::string& folder) {
  const std::string path = path_in(folder);
  FERRO_ASSIGN_OR_RETURN(const bool exists, fs.exists(path));
  if (!exists) return StoredState();
  FERRO_ASSIGN_OR_RETURN(const std::string text, io::read_file(fs, path, kFileBytesMax));
  auto state = parse_stored_state(text);
  if (!state.ok()) {
    return state.status().with_context(path +
                                       " is damaged; remove it to join the cluster anew with the entries "
                                       "of this folder");
  }
  return state;
}

Status save_stored_state(io::FileSystem& fs, const std::string& folder, const StoredState& state) {
  return io::write_file_atomically(fs, path_in(folder), as_bytes(print_stored_state(state)));
}

}  // namespace ferro::node::cluster
