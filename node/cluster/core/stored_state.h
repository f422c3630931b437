// What a node of a cluster remembers over a restart, in the file CLUSTER of its data folder: text, one
// `name value` a line, replaced atomically.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/io/file_system.h"
#include "node/cluster/ring/ring_record.h"

namespace ferro::node::cluster {

struct StoredState {
  uint64_t generation = 0;  // of the last start
  // When it last took part in the cluster with all its copies in step; 0 = never. What others have given up
  // of tombstones since then it may hold entries for.
  int64_t last_alive_ms = 0;
  std::optional<RingRecord> ring;
  friend bool operator==(const StoredState&, const StoredState&) = default;
};

std::string print_stored_state(const StoredState& state);
// data_loss with the reason.
Result<StoredState> parse_stored_state(const std::string& text);

// All zero if there is no file yet.
Result<StoredState> load_stored_state(io::FileSystem& fs, const std::string& folder);
Status save_stored_state(io::FileSystem& fs, const std::string& folder, const StoredState& state);

}  // namespace ferro::node::cluster
