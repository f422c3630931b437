// A node's engine without threads, driven by the timeline: what is asked of it is served one disk's delay
// later, all that waits at once, as its writer thread would. Watches what it decides and what comes from
// elsewhere.
//
// Owned by a machine's life; one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/engine/engine.h"
#include "tests/fakes/manual_loop.h"

namespace ferro::sim {

namespace engine = node::engine;

// Short, for logs: milliseconds, counter, node.
std::string print_version(const Hlc& version);

class PumpedEngine final : public engine::Engine, private engine::DecisionSink {
 public:
  struct Hooks {
    std::function<int64_t()> delay_us;  // until what waits is on the disk
    std::function<void()> pumped;
    std::function<void(const std::string&)> say;  // empty: nobody reads it
  };

  PumpedEngine(std::unique_ptr<engine::Engine> inner, fakes::ManualLoop& loop, Hooks hooks);

  // Nothing that changes anything waits for the disk.
  bool is_idle() const noexcept { return !dirty_; }

  void stop() override { inner_->stop(); }
  Result<engine::LookupResult> lookup(const engine::LookupRequest& request) override {
    return inner_->lookup(request);
  }
  std::vector<node::store::EntryView> find(std::string_view id, bool with_vector) override {
    return inner_->find(id, with_vector);
  }
  const node::store::Store& store() const override { return inner_->store(); }
  int64_t now_ms() const override { return inner_->now_ms(); }

  void insert(engine::InsertRequest request, engine::Done<std::string> done) override;
  void insert_batch(std::vector<engine::InsertRequest> requests,
                    std::function<void(std::vector<Result<std::string>>)> done) override;
  void remove(engine::RemoveRequest request, engine::Done<uint64_t> done) override;
  void drop_namespace(engine::DropRequest request, engine::Done<uint64_t> done) override;
  void invalidate(engine::InvalidateRequest request, engine::Done<std::vector<std::string>> done) override;
  void compact(engine::Done<engine::CompactResult> done) override;
  void set_decision_sink(engine::DecisionSink* sink) override;
  void apply_replicated(std::vector<node::model::Operation> operations,
                        engine::Done<uint64_t> applied) override;
  void purge(std::vector<node::store::EntryRef> entries, engine::Done<uint64_t> done) override;
  void pump() override { inner_->pump(); }
  void count_lookup(const node::model::NamespaceKey& base, const node::store::Hit* best) override {
    inner_->count_lookup(base, best);
  }

  Status readiness() const override { return inner_->readiness(); }
  engine::Counters counters() const override { return inner_->counters(); }
  engine::EngineFigures figures() const override { return inner_->figures(); }
  const engine::EngineOptions& options() const override { return inner_->options(); }

 private:
  void on_decided(std::vector<engine::Decided> operations) override;
  Status may_decide() const override { return sink_ == nullptr ? Status() : sink_->may_decide(); }
  void arm(bool dirty = true);
  void keep_house();
  void say(const char* verb, const node::model::Operation& operation) const;

  const std::unique_ptr<engine::Engine> inner_;
  fakes::ManualLoop& loop_;
  const Hooks hooks_;
  engine::DecisionSink* sink_ = nullptr;
  bool armed_ = false, dirty_ = false;
};

}  // namespace ferro::sim
