#include "node/cluster/core/read_repair.h"

#include <algorithm>
#include <utility>

#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

constexpr int64_t kIntervalNs = 50'000'000;
constexpr size_t kRunningMax = 64;

}  // namespace

struct ReadRepair::Check {
  struct Copy {
    NodeId node;
    bool answered = false;
    std::string operation;  // empty: it has nothing of that id
    Hlc version;
  };
  std::vector<Copy> copies;
  size_t open = 0;

  void take(size_t index, std::vector<std::string> operations) {
    Copy& copy = copies[index];
    copy.answered = true;
    if (operations.empty()) return;
    const auto operation = model::decode(as_bytes(operations.front()));
    if (!operation.ok()) return;
    copy.version = model::version_of(*operation);
    copy.operation = std::move(operations.front());
  }
};

bool ReadRepair::due() noexcept {
  const int64_t now_ns = context_.loop.clock().steady_ns();
  int64_t next_ns = next_ns_.load(std::memory_order_relaxed);
  return now_ns >= next_ns &&
         next_ns_.compare_exchange_strong(next_ns, now_ns + kIntervalNs, std::memory_order_relaxed);
}

void ReadRepair::check(const model::NamespaceKey& ns, const std::string& id) {
  if (running_ >= kRunningMax) return;
  const auto routes = context_.routes.get();
  auto check = std::make_shared<Check>();
  for (const NodeId* owner : routes->writers(model::namespace_hash(ns), model::slot_bit(id))) {
    if (context_.available(*owner)) check->copies.push_back({*owner, false, {}, {}});
  }
  if (check->copies.size() < 2) return;
  ++running_;
  check->open = check->copies.size();
  for (size_t i = 0; i < check->copies.size(); ++i) {
    const NodeId& node = check->copies[i].node;
    if (node == routes->self()) {
      check->take(i, context_.engine.store().encoded(ns, {id}));
      --check->open;
      continue;
    }
    context_.peers->call(
        node, MessageType::fetch, encode(FetchMessage{ns, {id}}, context_.peers->version_of(node)),
        context_.options.request_timeout_ms, [this, check, i](const Result<std::string_view>& body) {
          auto reply = body.ok() ? decode<FetchReply>(*body) : Result<FetchReply>(body.status());
          if (reply.ok()) check->take(i, std::move(reply->operations));
          if (--check->open == 0) compare(check);
        });
  }
}

void ReadRepair::compare(const std::shared_ptr<Check>& check) {
  --running_;
  const auto newest =
      std::max_element(check->copies.begin(), check->copies.end(),
                       [](const Check::Copy& a, const Check::Copy& b) { return a.version < b.version; });
  if (newest->operation.empty()) return;
  for (const Check::Copy& copy : check->copies) {
    if (copy.answered && copy.version < newest->version) give(copy.node, newest->operation);
  }
}

void ReadRepair::give(const NodeId& node, const std::string& operation) {
  CoreFigures& figures = context_.figures;
  if (node == context_.options.self) {
    auto decoded = model::decode(as_bytes(operation));
    if (!decoded.ok()) return;
    std::vector<model::Operation> operations;
    operations.push_back(*std::move(decoded));
    context_.engine.apply_replicated(std::move(operations), [&figures](const Result<uint64_t>& applied) {
      ++(applied.ok() ? figures.read_repairs : figures.read_repair_failures);
    });
    return;
  }
  context_.peers->call(
      node, MessageType::apply, encode(ApplyMessage{{operation}}, context_.peers->version_of(node)),
      context_.options.request_timeout_ms, [&figures](const Result<std::string_view>& reply) {
        ++(reply.ok() ? figures.read_repairs : figures.read_repair_failures);
      });
}

}  // namespace ferro::node::cluster
