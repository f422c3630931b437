// The engine behind engine.h: owns the shared state and the threads, turns calls into requests.
#pragma once

#include <atomic>
#include <memory>

#include "node/engine/compactor.h"
#include "node/engine/core.h"
#include "node/engine/data_folder.h"
#include "node/engine/recovery.h"
#include "node/engine/worker.h"
#include "node/engine/writer.h"

namespace ferro::node::engine {

class EngineImpl final : public Engine {
 public:
  EngineImpl(DataFolder folder, std::unique_ptr<Core> core, const Recovered& recovered);
  ~EngineImpl() override;
  void start();
  void stop() override;

  Result<LookupResult> lookup(const LookupRequest& request) override;
  std::vector<store::EntryView> find(std::string_view id, bool with_vector) override;
  const store::Store& store() const override { return *core_->store; }
  int64_t now_ms() const override { return core_->clock.wall_ms(); }

  void insert(InsertRequest request, Done<std::string> done) override;
  void insert_batch(std::vector<InsertRequest> requests,
                    std::function<void(std::vector<Result<std::string>>)> done) override;
  void remove(RemoveRequest request, Done<uint64_t> done) override;
  void drop_namespace(DropRequest request, Done<uint64_t> done) override;
  void invalidate(InvalidateRequest request, Done<std::vector<std::string>> done) override;
  void compact(Done<CompactResult> done) override;

  void set_decision_sink(DecisionSink* sink) override { core_->sink = sink; }
  void apply_replicated(std::vector<model::Operation> operations, Done<uint64_t> applied) override;
  void purge(std::vector<store::EntryRef> entries, Done<uint64_t> done) override;
  void pump() override;

  void count_lookup(const model::NamespaceKey& base, const store::Hit* best) override;

  Status readiness() const override;
  Counters counters() const override;
  EngineFigures figures() const override;
  const EngineOptions& options() const override { return core_->options; }

 private:
  // The intent, or why it may not be stored.
  Result<PutIntent> intent_of(InsertRequest request) const;
  uint64_t ttl_ms_of(const InsertRequest& request) const;
  void submit(WriteRequestPtr request);

  DataFolder folder_;  // its lock goes last
  std::unique_ptr<Core> core_;
  // Each kind of background work has its own thread, so that none waits behind another: a graph may take
  // minutes to build, a snapshot seconds, a client waits for a scan.
  Worker index_worker_;
  Worker snapshot_worker_;
  Worker scan_worker_;
  Compactor compactor_;
  Writer writer_;
  std::atomic<bool> stopping_{false};
  std::mutex stop_mutex_;  // one stop at a time
  bool pumping_ = false;   // manual mode
};

}  // namespace ferro::node::engine
