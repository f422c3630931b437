// What waits for the writer: one client call, cut into items that are decided one after the other. Made on
// the caller's thread, then owned by the queue and the writer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "node/engine/engine.h"

namespace ferro::node::engine {

// All of an entry but its stamps: the writer adds version and times when it decides.
struct PutIntent {
  model::PutOp op;
  uint64_t ttl_ms = 0;  // 0 = never expires
  model::SlotSet shard = model::kAllSlots;
};

// That version of the entry has been handed over.
struct PurgeIntent {
  store::EntryRef ref;
};

// What another node decided.
struct CopyIntent {
  model::Operation op;
};

// store::EntryRef: delete that version of the entry and no later one (invalidation).
struct WriteItem {
  std::variant<PutIntent, RemoveRequest, store::EntryRef, DropRequest, PurgeIntent, CopyIntent> what;
  // The answer. Not ok: nothing was changed for it, or the log could not tell.
  Status status;
  std::string id;        // of a put
  uint64_t removed = 0;  // live entries that went; of a copy or purge 1 if it changed something
  WriteTag tag = 0;
  int64_t decide_by_ns = 0;  // as of the request
};

struct WriteRequest {
  std::vector<WriteItem> items;
  uint64_t bytes = 0;                       // memory it holds while it waits
  std::function<void(WriteRequest&)> done;  // called exactly once, when every item has its answer
};

using WriteRequestPtr = std::unique_ptr<WriteRequest>;

// Roughly what an entry holds in memory: for bounding what waits, not for accounting.
uint64_t waiting_bytes(const model::PutOp& op) noexcept;

}  // namespace ferro::node::engine
