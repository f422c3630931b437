// What can happen to the store. Every change, from a client, a log, a snapshot or (later) a peer, is one of
// these and reaches memory through Store::apply alone.
//
// Every operation carries the stamp of its hybrid logical clock. Last writer wins, a delete wins a tie, so
// applying an operation twice, or after a newer one, changes nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/time/hlc.h"
#include "node/model/namespace_key.h"
#include "node/model/partition.h"

namespace ferro::node::model {

using Attributes = std::vector<std::pair<std::string, std::string>>;  // sorted by name, names unique

// One entry, as stored. The vector is already normalised to length 1.
struct PutOp {
  NamespaceKey ns;
  std::string id;
  Hlc version;
  std::vector<float> vector;  // 1..kDimensionMax finite values, |v| = 1
  std::string query_text;
  std::string response;
  int64_t inserted_at_ms = 0;
  int64_t expires_at_ms = 0;  // 0 = never
  std::vector<std::string> tags;
  Attributes attributes;
  double cost = 0.0;
  bool has_cost = false;
};

// moved: handed over to its new owners; nothing was deleted, so no tombstone stays behind.
enum class DeleteReason : uint8_t { requested = 0, invalidated = 1, evicted = 2, moved = 3 };

struct DeleteOp {
  NamespaceKey ns;
  std::string id;
  Hlc version;  // removes the entry if its version is not newer
  DeleteReason reason = DeleteReason::requested;
  // When it was deleted, if the version does not tell: an eviction or invalidation carries the version of the
  // entry that it means, however old. 0 = the version's time. From here a tombstone's age counts.
  int64_t deleted_at_ms = 0;
};

struct DropNamespaceOp {
  NamespaceKey ns;
  Hlc version;                // removes every entry of the namespace whose version is not newer ...
  SlotSet slots = kAllSlots;  // ... and whose id falls into these: a shard of a split namespace
};

using Operation = std::variant<PutOp, DeleteOp, DropNamespaceOp>;

const Hlc& version_of(const Operation& op);
const NamespaceKey& namespace_of(const Operation& op);
// When the entry was deleted: the later of what the operation says and its version's time.
int64_t deleted_at_ms(const DeleteOp& op) noexcept;

// The binary form in the log and in snapshots: docs/formats/operation.md. Decoding checks everything
// (lengths, finite unit vector, limits), allocates no more than the input's size and skips tagged fields it
// does not know. `encode` appends; its input keeps the limits of the contract. `decode` answers data_loss
// with the reason.
void encode(const Operation& op, std::string& out);
Result<Operation> decode(Bytes bytes);

}  // namespace ferro::node::model
