#include "node/model/partition.h"

#include <xxhash.h>

#include <string>

#include "common/base/bytes.h"

namespace ferro::node::model {

uint16_t partition_of(const NamespaceKey& ns) noexcept {
  std::string encoded;
  encoded.reserve(ns.model_id.size() + ns.scope.size() + ns.conversation.size() + 6);
  ByteWriter writer(encoded);
  writer.text(ns.model_id);
  writer.text(ns.scope);
  writer.text(ns.conversation);
  return static_cast<uint16_t>(XXH3_64bits(encoded.data(), encoded.size()) % kPartitions);
}

}  // namespace ferro::node::model
