#include "node/cluster/core/replicator.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/obs/log.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

// Messages in flight to one peer: enough to keep its log busy while answers travel.
constexpr size_t kCallsPerPeer = 4;
// Of one message. The peer logs it with one write and one sync.
constexpr size_t kOperationsPerCall = 256;
constexpr size_t kBytesPerCall = 1U << 20;

}  // namespace

Replicator::Replicator(Context& context)
    : context_(context), hints_(context.options.hint_max_bytes, context.options.hint_max_age_ms) {}

void Replicator::on_decided(std::vector<engine::Decided> operations) {
  context_.loop.post([this, operations = std::move(operations)] { dispatch(operations); });
}

// The routes are those of now, not of the decision: an owner to be that everybody knows of gets every write
// that it could miss while it catches up.
void Replicator::dispatch(const std::vector<engine::Decided>& operations) {
  const auto routes = context_.routes.get();
  std::set<NodeId> touched;
  for (const engine::Decided& decided : operations) {
    if (decided.tag == kLocalWrite) continue;
    auto operation = std::make_shared<Operation>();
    operation->tag = decided.tag;
    operation->bytes = decided.encoded;
    operation->since_ms = now_ms();
    if (decided.tag != 0) ++writes_[decided.tag].unsettled;
    std::vector<NodeId> others;
    for (const NodeId* owner : routes->writers(decided.ns_hash, decided.slots)) {
      if (*owner != routes->self()) others.push_back(*owner);
    }
    operation->owners += others.size();
    operation->outstanding = others.size();
    for (const NodeId& peer : others) {
      if (context_.peers->available(peer) || may_wait(*operation)) {
        lanes_[peer].queue.push_back({operation, 0});
        touched.insert(peer);
      } else {
        keep_hint(peer, operation);
      }
    }
    if (others.empty()) settle(*operation, true);
  }
  for (const NodeId& peer : touched) flush(peer);
}

void Replicator::flush(const NodeId& peer) {
  Lane& lane = lanes_[peer];
  if (!context_.peers->available(peer)) return give_up_waiting(peer, lane);
  while (lane.calls < kCallsPerPeer && !lane.queue.empty()) send(peer, lane);
}

// A majority is asked for and not there yet: a peer whose link has just broken may be back in a moment, and
// without its copy the write would fail. Where that is not so, a peer that is away gets a hint.
bool Replicator::may_wait(const Operation& operation) const {
  return context_.options.write_consistency == WriteConsistency::quorum && operation.tag != 0 &&
         !operation.settled && now_ms() - operation.since_ms < context_.options.request_timeout_ms;
}

void Replicator::give_up_waiting(const NodeId& peer, Lane& lane) {
  std::deque<Parcel> waiting;
  waiting.swap(lane.queue);
  for (Parcel& parcel : waiting) {
    if (may_wait(*parcel.operation)) {
      lane.queue.push_back(std::move(parcel));
    } else {
      keep_hint(peer, parcel.operation);
    }
  }
}

void Replicator::send(const NodeId& peer, Lane& lane) {
  std::vector<Parcel> parcels;
  ApplyMessage message;
  size_t bytes = 0;
  while (!lane.queue.empty() && parcels.size() < kOperationsPerCall) {
    const size_t size = lane.queue.front().operation->bytes->size();
    if (!parcels.empty() && bytes + size > kBytesPerCall) break;
    bytes += size;
    message.operations.push_back(*lane.queue.front().operation->bytes);
    if (lane.queue.front().attempts == 0) ++context_.figures.forwards;  // again is counted apart
    parcels.push_back(std::move(lane.queue.front()));
    lane.queue.pop_front();
  }
  ++lane.calls;
  lane.parcels_under_way += parcels.size();
  context_.peers->call(
      peer, MessageType::apply, encode(message, context_.peers->version_of(peer)),
      CallWait{context_.options.request_timeout_ms, context_.options.request_timeout_ms, true},
      [this, peer, parcels = std::move(parcels)](const Result<std::string_view>& reply) mutable {
        on_reply(peer, std::move(parcels), reply.status());
      });
}

void Replicator::on_reply(const NodeId& peer, std::vector<Parcel> parcels, const Status& status) {
  Lane& lane = lanes_[peer];
  --lane.calls;
  lane.parcels_under_way -= parcels.size();
  if (!status.ok()) {
    context_.figures.replication_failures += parcels.size();
    obs::debug("a peer did not take operations", {{"peer", peer}, {"reason", status.message()}});
  }
  for (auto parcel = parcels.rbegin(); parcel != parcels.rend(); ++parcel) {
    Operation& operation = *parcel->operation;
    if (status.ok()) {
      --operation.outstanding;
      settle(operation, true);
      continue;
    }
    const bool again = status.code() == StatusCode::unavailable &&
                       (context_.peers->available(peer) || may_wait(operation)) &&
                       parcel->attempts < context_.options.max_replication_retries &&
                       now_ms() - operation.since_ms < context_.options.request_timeout_ms;
    if (again) {
      ++context_.figures.replication_retries;
      ++parcel->attempts;
      lane.queue.push_front(std::move(*parcel));
    } else {
      keep_hint(peer, parcel->operation);
    }
  }
  flush(peer);
}

void Replicator::keep_hint(const NodeId& peer, const OperationPtr& operation) {
  context_.figures.hints_dropped += hints_.add(peer, operation->bytes, now_ms());
  --operation->outstanding;
  settle(*operation, false);
}

void Replicator::settle(Operation& operation, bool confirmed) {
  if (confirmed && operation.owners > 1) ++operation.confirmed;
  if (operation.settled || !settled(operation)) return;
  operation.settled = true;
  if (operation.tag == 0) return;
  const auto write = writes_.find(operation.tag);
  if (write == writes_.end()) return;  // abandoned, or answered already
  if (context_.options.write_consistency == WriteConsistency::quorum &&
      operation.confirmed < operation.owners / 2 + 1) {
    write->second.failure = Status::unreachable(
        "only " + std::to_string(operation.confirmed) + " of " + std::to_string(operation.owners) +
        " owners took the write; cluster.write_consistency asks for a majority: send it again");
  }
  --write->second.unsettled;
  finish_if_settled(operation.tag);
}

// `all` means all that live: an owner that is down has a hint instead.
bool Replicator::settled(const Operation& operation) const {
  if (operation.outstanding == 0) return true;
  switch (context_.options.write_consistency) {
    case WriteConsistency::one:
      return true;
    case WriteConsistency::quorum:
      return operation.confirmed >= operation.owners / 2 + 1;
    case WriteConsistency::all:
      break;
  }
  return false;
}

// What a clock far ahead stamps no owner takes, and here it would win over what the others write.
Status Replicator::may_decide() const {
  if (closed_.load(std::memory_order_relaxed)) {
    return Status::unavailable("this node is leaving its cluster: ask another owner");
  }
  // By the ring that it remembers a write could reach owners who are none any more.
  if (context_.looking) {
    return Status::unavailable(
        "this node is looking for the other members of its cluster: ask another owner");
  }
  if (context_.clocks.may_stamp()) return {};
  return Status::unavailable("this node's clock is far ahead of the others': set it right");
}

void Replicator::await(engine::WriteTag tag, std::function<void(Status)> done) {
  const auto write = writes_.find(tag);
  if (write == writes_.end()) return done({});  // it changed nothing
  write->second.done = std::move(done);
  if (context_.options.write_consistency == WriteConsistency::one) write->second.unsettled = 0;
  finish_if_settled(tag);
}

void Replicator::finish_if_settled(engine::WriteTag tag) {
  const auto write = writes_.find(tag);
  if (write == writes_.end() || write->second.unsettled > 0 || !write->second.done) return;
  const auto done = std::move(write->second.done);
  const Status failure = std::move(write->second.failure);
  writes_.erase(write);
  done(failure);
}

void Replicator::tick() {
  context_.figures.hints_dropped += hints_.expire(now_ms());
  for (const auto& [peer, lane] : lanes_) {
    if (!lane.queue.empty()) flush(peer);
  }
  for (const NodeId& peer : hints_.peers()) {
    if (context_.peers->available(peer)) send_hints(peer);
  }
}

void Replicator::send_hints(const NodeId& peer) {
  Lane& lane = lanes_[peer];
  if (lane.sending_hints || !hints_.has(peer)) return;
  const Hints::Batch batch = hints_.front(peer, kBytesPerCall);
  ApplyMessage message;
  for (const Hints::Operation& operation : batch.operations) message.operations.push_back(*operation);
  context_.figures.forwards += batch.operations.size();
  lane.sending_hints = true;
  context_.peers->call(peer, MessageType::apply, encode(message, context_.peers->version_of(peer)),
                       context_.options.request_timeout_ms,
                       [this, peer, last = batch.last](const Result<std::string_view>& reply) {
                         lanes_[peer].sending_hints = false;
                         if (!reply.ok()) return;  // the next tick tries again
                         hints_.taken(peer, last);
                         send_hints(peer);
                       });
}

void Replicator::forget(const NodeId& peer) {
  context_.figures.hints_dropped += hints_.forget(peer);
}

uint64_t Replicator::unconfirmed_by(const NodeId& peer) const {
  const auto lane = lanes_.find(peer);
  const size_t sent = lane == lanes_.end() ? 0 : lane->second.queue.size() + lane->second.parcels_under_way;
  return sent + hints_.count_of(peer);
}

int64_t Replicator::lag_ms() const {
  int64_t oldest = 0;
  for (const auto& [peer, lane] : lanes_) {
    if (!lane.queue.empty()) oldest = std::max(oldest, now_ms() - lane.queue.front().operation->since_ms);
  }
  return oldest;
}

}  // namespace ferro::node::cluster
