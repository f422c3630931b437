#include "node/store/put_copy.h"

namespace ferro::node::store {

void copy_put(const Entry& entry, model::PutOp& op) {
  op.id = entry.id();
  op.version = entry.version();
  const std::span<const float> vector = entry.ns->index->vector_of(entry.row);
  op.vector.assign(vector.begin(), vector.end());
  op.query_text = entry.query_text();
  op.response = entry.response();
  op.inserted_at_ms = entry.inserted_at_ms;
  op.expires_at_ms = entry.expires_at_ms;
  op.tags = entry.tags();
  op.attributes = entry.attributes();
  op.cost = entry.cost();
  op.has_cost = entry.has_cost();
}

}  // namespace ferro::node::store
