#include "node/store/digest.h"

#include <xxhash.h>

#include "common/base/bytes.h"

namespace ferro::node::store {

uint64_t entry_digest(const model::NamespaceKey& ns, std::string_view id, const Hlc& version,
                      std::string& scratch) {
  scratch.clear();
  ByteWriter writer(scratch);
  writer.text(ns.model_id);
  writer.text(ns.scope);
  writer.text(ns.conversation);
  writer.text(id);
  writer.u64(version.ticks);
  writer.u32(version.node);
  const uint64_t hash = XXH3_64bits(scratch.data(), scratch.size());
  return hash == 0 ? 1 : hash;
}

}  // namespace ferro::node::store
