// An Engine in a map, for tests of the API alone: exact scans, everything at once, callbacks before the
// method returns. Single-threaded. Tests set `write_failure` to see how refusals come out.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "node/engine/engine.h"

namespace ferro::node::api {

struct FakeEntry {
  model::NamespaceKey ns;
  std::string id, response, query_text;
  std::vector<float> vector;
  std::vector<std::string> tags;
  model::Attributes attributes;
  std::optional<double> cost;
  int64_t inserted_at_ms = 0, expires_at_ms = 0, last_accessed_at_ms = 0;
  uint64_t access_count = 0;
};

class FakeStore;

class FakeEngine final : public engine::Engine {
 public:
  explicit FakeEngine(const Clock& clock);
  ~FakeEngine() override;

  void stop() override {}
  Result<engine::LookupResult> lookup(const engine::LookupRequest& request) override;
  std::vector<store::EntryView> find(std::string_view id, bool with_vector) override;
  const store::Store& store() const override;
  int64_t now_ms() const override { return clock_.wall_ms(); }

  void insert(engine::InsertRequest request, engine::Done<std::string> done) override;
  void insert_batch(std::vector<engine::InsertRequest> requests,
                    std::function<void(std::vector<Result<std::string>>)> done) override;
  void remove(engine::RemoveRequest request, engine::Done<uint64_t> done) override;
  void drop_namespace(engine::DropRequest request, engine::Done<uint64_t> done) override;
  void invalidate(engine::InvalidateRequest request, engine::Done<std::vector<std::string>> done) override;
  void compact(engine::Done<engine::CompactResult> done) override;
  void set_decision_sink(engine::DecisionSink*) override {}
  void apply_replicated(std::vector<model::Operation>, engine::Done<uint64_t> applied) override {
    applied(uint64_t{0});
  }
  void purge(std::vector<store::EntryRef>, engine::Done<uint64_t> done) override { done(uint64_t{0}); }
  void pump() override {}

  void count_lookup(const model::NamespaceKey&, const store::Hit*) override {}
  Status readiness() const override { return readiness_answer; }
  engine::Counters counters() const override { return counters_; }
  engine::EngineFigures figures() const override;
  const engine::EngineOptions& options() const override { return options_; }

  Status readiness_answer;
  Status write_failure;            // if not ok, what every write answers
  std::vector<FakeEntry> entries;  // live ones, oldest first

 private:
  Status check_dimension(const model::NamespaceKey& ns, size_t sent) const;
  Result<std::string> put(engine::InsertRequest request);
  std::vector<store::Hit> search(const engine::LookupRequest& request, const model::NamespaceKey& ns);

  const Clock& clock_;
  engine::EngineOptions options_;
  engine::Counters counters_;
  std::unique_ptr<FakeStore> store_;
  uint64_t writes_ = 0;
};

}  // namespace ferro::node::api
