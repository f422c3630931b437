#include "node/model/partition.h"

#include <xxhash.h>

#include <string>

#include "common/base/bytes.h"

namespace ferro::node::model {

uint64_t namespace_hash(const NamespaceKey& ns) noexcept {
  std::string encoded;
  encoded.reserve(ns.model_id.size() + ns.scope.size() + ns.conversation.size() + 6);
  ByteWriter writer(encoded);
  writer.text(ns.model_id);
  writer.text(ns.scope);
  writer.text(ns.conversation);
  return XXH3_64bits(encoded.data(), encoded.size());
}

uint16_t partition_of(const NamespaceKey& ns) noexcept {
  return home_of(namespace_hash(ns));
}

unsigned slot_of(std::string_view id) noexcept {
  return static_cast<unsigned>(XXH3_64bits(id.data(), id.size()) >> 58U);
}

}  // namespace ferro::node::model
