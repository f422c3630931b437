// One instant of the store, for one read.
//
// The writer numbers its changes; an entry is born and dies with such a sequence, and the number becomes
// `committed` only when the change stands complete. A reader takes the committed number first and judges
// every entry by it, so it sees exactly the state of that instant, however long it walks: of a replaced entry
// always one, never both. Entries that died stay in the tables and the index until no reader from before
// their end is left (writer.h).
#pragma once

#include <cstdint>

#include "node/store/entry.h"

namespace ferro::node::store {

struct ReadView {
  uint64_t sequence = 0;
  int64_t now_ms = 0;

  bool sees(const Entry& entry) const noexcept {
    if (entry.born > sequence) return false;
    const uint64_t died = entry.died.load(std::memory_order_acquire);
    return (died == 0 || died > sequence) && entry.live_at(now_ms);
  }
};

}  // namespace ferro::node::store
