// Bulk writes within a segment file, in pieces of bounded size.
#pragma once

#include <cstdint>

#include "common/io/file_system.h"

namespace ferro::node::wal {

// Overwrites [from, to) with zeros; nothing if from >= to.
Status write_zeros(io::File& file, uint64_t from, uint64_t to);
// Writes what [from, to) holds once more, so that the next sync counts for it.
Status write_again(io::File& file, uint64_t from, uint64_t to);

}  // namespace ferro::node::wal
