// Keeps what an engine decided, as other nodes would be told.
#pragma once

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "node/engine/engine.h"

namespace ferro::node::engine {

class RecordingSink final : public DecisionSink {
 public:
  struct Told {
    WriteTag tag = 0;
    model::Operation op;
  };

  void on_decided(std::vector<Decided> operations) override {
    const std::lock_guard lock(mutex_);
    for (const Decided& decided : operations) {
      auto op = model::decode(as_bytes(*decided.encoded));
      ASSERT_TRUE(op.ok()) << op.status().to_string();
      EXPECT_EQ(decided.ns_hash, model::namespace_hash(model::namespace_of(*op)));
      EXPECT_NE(decided.slots, 0U);
      told_.push_back({decided.tag, std::move(*op)});
    }
  }

  Status may_decide() const override {
    const std::lock_guard lock(mutex_);
    return refusal_;
  }
  void refuse_decisions(Status why) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(why);
  }

  // What came since the last call.
  std::vector<Told> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(told_, {});
  }
  std::vector<model::Operation> take_operations() {
    std::vector<model::Operation> out;
    for (Told& told : take()) out.push_back(std::move(told.op));
    return out;
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return told_.size();
  }
  // "put x #3", "delete x #0", "drop #7": short enough to compare.
  std::vector<std::string> take_lines() {
    std::vector<std::string> lines;
    for (const Told& told : take()) {
      const std::string tag = " #" + std::to_string(told.tag);
      if (const auto* put = std::get_if<model::PutOp>(&told.op)) {
        lines.push_back("put " + put->id + tag);
      } else if (const auto* gone = std::get_if<model::DeleteOp>(&told.op)) {
        lines.push_back("delete " + gone->id + tag);
      } else {
        lines.push_back("drop" + tag);
      }
    }
    return lines;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Told> told_;
  Status refusal_;
};

}  // namespace ferro::node::engine
