#include "node/store/eviction_policy.h"

namespace ferro::node::store {

namespace {

class RecencyPolicy final : public EvictionPolicy {
 public:
  int64_t value(const EntryFacts& facts) const noexcept override { return facts.last_access_stamp; }
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_recency_policy() {
  return std::make_unique<RecencyPolicy>();
}

}  // namespace ferro::node::store
