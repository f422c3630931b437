#include "tests/sim/pumped_engine.h"

#include <utility>

namespace ferro::sim {

namespace {

// Expiry, tombstones that have grown old, snapshots that are due.
constexpr int64_t kHousekeepingMs = 1000;

std::string print(const node::model::Operation& operation) {
  const std::string where = node::model::printed_name(node::model::namespace_of(operation));
  const std::string version = print_version(node::model::version_of(operation));
  if (const auto* put = std::get_if<node::model::PutOp>(&operation)) {
    return "put " + where + "/" + put->id + " = " + put->response + " v" + version;
  }
  if (const auto* deletion = std::get_if<node::model::DeleteOp>(&operation)) {
    return "delete " + where + "/" + deletion->id + " v" + version + " reason " +
           std::to_string(static_cast<int>(deletion->reason));
  }
  const auto& drop = std::get<node::model::DropNamespaceOp>(operation);
  return "drop " + where + " v" + version +
         (drop.slots == node::model::kAllSlots ? "" : " of slots " + std::to_string(drop.slots));
}

}  // namespace

std::string print_version(const Hlc& version) {
  return std::to_string(version.wall_ms() % 10'000'000) + "." + std::to_string(version.ticks & 0xFFFF) + "@" +
         std::to_string(version.node % 1000);
}

PumpedEngine::PumpedEngine(std::unique_ptr<engine::Engine> inner, fakes::ManualLoop& loop, Hooks hooks)
    : inner_(std::move(inner)), loop_(loop), hooks_(std::move(hooks)) {
  keep_house();
}

void PumpedEngine::keep_house() {
  loop_.after(kHousekeepingMs, [this] {
    arm(false);
    keep_house();
  });
}

void PumpedEngine::arm(bool dirty) {
  dirty_ = dirty_ || dirty;
  if (std::exchange(armed_, true)) return;
  loop_.timeline().at(loop_.owner(), hooks_.delay_us(), [this] {
    armed_ = dirty_ = false;
    inner_->pump();
    hooks_.pumped();
  });
}

void PumpedEngine::insert(engine::InsertRequest request, engine::Done<std::string> done) {
  inner_->insert(std::move(request), std::move(done));
  arm();
}

void PumpedEngine::insert_batch(std::vector<engine::InsertRequest> requests,
                                std::function<void(std::vector<Result<std::string>>)> done) {
  inner_->insert_batch(std::move(requests), std::move(done));
  arm();
}

void PumpedEngine::remove(engine::RemoveRequest request, engine::Done<uint64_t> done) {
  inner_->remove(std::move(request), std::move(done));
  arm();
}

void PumpedEngine::drop_namespace(engine::DropRequest request, engine::Done<uint64_t> done) {
  inner_->drop_namespace(std::move(request), std::move(done));
  arm();
}

void PumpedEngine::invalidate(engine::InvalidateRequest request,
                              engine::Done<std::vector<std::string>> done) {
  inner_->invalidate(std::move(request), std::move(done));
  arm();
}

void PumpedEngine::compact(engine::Done<engine::CompactResult> done) {
  inner_->compact(std::move(done));
  arm();
}

void PumpedEngine::set_decision_sink(engine::DecisionSink* sink) {
  sink_ = sink;
  inner_->set_decision_sink(this);
}

void PumpedEngine::on_decided(std::vector<engine::Decided> operations) {
  if (hooks_.say) {
    for (const engine::Decided& decided : operations) {
      const auto operation = node::model::decode(as_bytes(*decided.encoded));
      if (operation.ok()) say("decides", *operation);
    }
  }
  if (sink_ != nullptr) sink_->on_decided(std::move(operations));
}

void PumpedEngine::apply_replicated(std::vector<node::model::Operation> operations,
                                    engine::Done<uint64_t> applied) {
  // What carries no stamp changes nothing: somebody waits for what came before it.
  bool dirty = false;
  for (const node::model::Operation& operation : operations) {
    const bool counts = node::model::version_of(operation) != Hlc();
    dirty = dirty || counts;
    if (counts && hooks_.say) say("takes", operation);
  }
  inner_->apply_replicated(std::move(operations), std::move(applied));
  arm(dirty);
}

void PumpedEngine::purge(std::vector<node::store::EntryRef> entries, engine::Done<uint64_t> done) {
  if (hooks_.say) {
    for (const node::store::EntryRef& entry : entries) {
      hooks_.say("purges " + node::model::printed_name(entry.ns) + "/" + entry.id + " v" +
                 print_version(entry.version));
    }
  }
  inner_->purge(std::move(entries), std::move(done));
  arm();
}

void PumpedEngine::say(const char* verb, const node::model::Operation& operation) const {
  hooks_.say(std::string(verb) + " " + print(operation));
}

}  // namespace ferro::sim
