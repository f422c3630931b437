// Any bytes: decoding refuses them or yields an operation that encodes and decodes to itself, never larger
// than the input (fields of later builds are dropped). Printed names of what was decoded must lead back to
// the same namespace.
#include <cstdint>
#include <string>

#include "common/base/assert.h"
#include "node/model/namespace_key.h"
#include "node/model/operation.h"

using namespace ferro;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Result<node::model::Operation> decoded = node::model::decode({data, size});
  if (!decoded.ok()) {
    FERRO_ASSERT(decoded.status().code() == StatusCode::data_loss, "bad bytes are data_loss");
    return 0;
  }
  std::string once;
  node::model::encode(*decoded, once);
  FERRO_ASSERT(once.size() <= size, "an operation is not larger than what it was decoded from");
  const Result<node::model::Operation> again = node::model::decode(as_bytes(once));
  FERRO_ASSERT(again.ok(), "what was decoded can be encoded");
  std::string twice;
  node::model::encode(*again, twice);
  FERRO_ASSERT(once == twice, "an operation has one encoding");

  const node::model::NamespaceKey& key = node::model::namespace_of(*decoded);
  const Result<node::model::NamespaceKey> parsed =
      node::model::parse_printed_name(node::model::printed_name(key));
  FERRO_ASSERT(parsed.ok() && *parsed == key, "a printed name leads back to its namespace");
  return 0;
}
