// Takes operations out of the store for one message: as many as the message may hold.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "node/model/namespace_key.h"
#include "node/store/store.h"

namespace ferro::node::cluster {

inline constexpr size_t kSyncMessageBytes = 1U << 20;  // a piece of work, well below what a link carries
inline constexpr size_t kSyncMessageIds = 1024;

struct Gathered {
  std::vector<std::string> operations;  // in the order of the ids; of some ids there may be none
  size_t next = 0;                      // the first id that was not looked at
  size_t bytes = 0;
};

// From ids[first] on, until the message is full or the ids are over; at least one id is looked at. Any thread
// but the loop: it copies entries.
Gathered gather(const store::Store& store, const model::NamespaceKey& ns, const std::vector<std::string>& ids,
                size_t first);

}  // namespace ferro::node::cluster
