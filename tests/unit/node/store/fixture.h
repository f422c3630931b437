// A store with a manual clock, and short ways to change and to ask it.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "node/index/kernels.h"
#include "node/store/store.h"
#include "node/store/store_impl.h"

namespace ferro::node::store {

inline std::vector<float> unit(std::vector<float> vector) {
  if (!index::normalise(vector)) ADD_FAILURE() << "a test vector without direction";
  return vector;
}

class StoreFixture : public ::testing::Test {
 protected:
  StoreFixture() { make({}); }

  // Replaces the store under test.
  void make(StoreOptions options, HashText hash = &model::hash_text) {
    store_.reset();
    store_ = create_with(options, clock_, epochs_, make_recency_policy(), hash);
  }

  int64_t now() const { return clock_.wall_ms(); }
  Hlc next_version() { return {++ticks_, 1}; }

  // An entry in namespace `ns_` with its own response.
  model::PutOp put_of(std::string id, std::string text, std::vector<float> vector = {1.0F, 0.0F}) {
    model::PutOp op;
    op.ns = ns_;
    op.response = "answer of " + id;
    op.id = std::move(id);
    op.version = next_version();
    op.vector = unit(std::move(vector));
    op.query_text = std::move(text);
    op.inserted_at_ms = now();
    return op;
  }
  ApplyResult apply(const model::Operation& op) {
    const ApplyResult result = store_->apply(op, now());
    epochs_.collect();
    return result;
  }
  ApplyResult put(const std::string& id, const std::string& text, std::vector<float> vector = {1.0F, 0.0F}) {
    return apply(put_of(id, text, std::move(vector)));
  }
  ApplyResult put_for(const std::string& id, const std::string& text, int64_t ttl_ms,
                      std::vector<float> vector = {1.0F, 0.0F}) {
    model::PutOp op = put_of(id, text, std::move(vector));
    op.expires_at_ms = now() + ttl_ms;
    return apply(op);
  }
  ApplyResult remove(const std::string& id, model::DeleteReason reason = model::DeleteReason::requested) {
    return apply(model::DeleteOp{ns_, id, next_version(), reason});
  }
  // What the engine does with a put: room first, then the put.
  std::vector<std::string> put_with_room(const model::PutOp& op) {
    std::vector<std::string> victims;
    EXPECT_TRUE(store_->admit(op, now()).ok());
    for (const EntryRef& ref : store_->victims_for(op, now())) {
      victims.push_back(ref.id);
      apply(model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::evicted});
    }
    apply(op);
    store_->end_batch();
    return victims;
  }

  Result<QueryResult> query(const std::string& text, std::vector<float> vector = {1.0F, 0.0F},
                            float threshold = 0.92F, size_t top_k = 1,
                            const model::Attributes* attributes = nullptr) {
    QueryRequest request;
    request.ns = ns_;
    const std::vector<float> direction = unit(std::move(vector));
    request.unit_vector = direction;
    request.query_text = text;
    request.threshold = threshold;
    request.top_k = top_k;
    request.attributes = attributes;
    request.now_ms = now();
    return store_->query(request);
  }
  // The ids of the hits, best first; "error" if refused.
  std::vector<std::string> hits(const std::string& text, std::vector<float> vector = {1.0F, 0.0F},
                                float threshold = 0.92F, size_t top_k = 1,
                                const model::Attributes* attributes = nullptr) {
    const auto result = query(text, std::move(vector), threshold, top_k, attributes);
    if (!result.ok()) return {"error"};
    std::vector<std::string> ids;
    for (const Hit& hit : result->hits) ids.push_back(hit.id);
    return ids;
  }

  using Ids = std::vector<std::string>;
  // Far from the vectors that tests store: only words can match.
  static std::vector<float> elsewhere() { return {0.0F, -1.0F}; }

  ManualClock clock_;
  sync::EpochDomain epochs_;
  model::NamespaceKey ns_{"m::2", "", ""};
  uint64_t ticks_ = 0;
  std::unique_ptr<Store> store_;
};

}  // namespace ferro::node::store
