// Operations that have been decided and go to the log with one write and one sync. The writer thread's;
// reused.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "node/engine/write_request.h"

namespace ferro::node::engine {

// Where an operation comes from, and so who hears of it and whether it counts.
enum class Course : uint8_t {
  decided,  // here: copies go to the other owners
  copied,   // by another node
  purged,   // of no other node's concern
};

struct PlannedOperation {
  model::Operation op;
  WriteItem* item = nullptr;  // null for an eviction, which answers nobody
  Course course = Course::decided;
};

struct Batch {
  int64_t now_ms = 0;  // the instant that everything in it is judged at ...
  int64_t now_ns = 0;  // ... and its steady time
  Status refusal;      // of whatever this node would have to decide
  std::vector<PlannedOperation> operations;
  uint64_t bytes = 0;  // rough size of its records
  // Puts of the batch: reads of the store do not see them before they are applied.
  std::unordered_set<std::string> put_ids;
  std::unordered_set<model::NamespaceKey, model::NamespaceKeyHash> put_namespaces;
  bool removals = false;  // something of the batch may go again

  bool empty() const noexcept { return operations.empty(); }
  void clear() {
    operations.clear();
    bytes = 0;
    put_ids.clear();
    put_namespaces.clear();
    removals = false;
  }
};

}  // namespace ferro::node::engine
