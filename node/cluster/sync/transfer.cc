#include "node/cluster/sync/transfer.h"

#include <algorithm>
#include <unordered_map>

#include "common/base/bytes.h"
#include "node/cluster/sync/gather.h"
#include "node/cluster/wire/codec.h"
#include "node/model/operation.h"

namespace ferro::node::cluster {

// One fetch or push: piece after piece until `next` has passed all ids.
struct Transfer::Job {
  NodeId peer;
  model::NamespaceKey ns;
  Ids ids;
  ByteBudget* budget = nullptr;
  Then<Moved> then;
  size_t next = 0;
  Moved moved;
};

namespace {

struct Decoded {
  std::vector<model::Operation> operations;
  size_t next = 0;  // the first id that has yet to be asked for
};

// What a peer answered to a request for ids[first..]. It stops where its message is full: whatever follows
// the last id that it answered is asked for again, unless it had nothing at all.
Result<Decoded> decode_fetched(const model::NamespaceKey& ns, const Transfer::Ids& ids, size_t first,
                               const std::vector<std::string>& encoded) {
  std::unordered_map<std::string_view, size_t> asked;
  const size_t end = std::min(ids.size(), first + kSyncMessageIds);
  for (size_t i = first; i < end; ++i) asked.emplace(ids[i], i);
  Decoded decoded;
  decoded.next = encoded.empty() ? end : first;
  for (const std::string& bytes : encoded) {
    Result<model::Operation> operation = model::decode(as_bytes(bytes));
    if (!operation.ok()) return operation.status().with_context("an operation fetched from a peer");
    std::string_view id;
    if (const auto* put = std::get_if<model::PutOp>(&*operation)) id = put->id;
    if (const auto* remove = std::get_if<model::DeleteOp>(&*operation)) id = remove->id;
    const auto found = asked.find(id);
    if (found == asked.end() || model::namespace_of(*operation) != ns) {
      return Status::invalid("a peer answered with an operation that was not asked for");
    }
    decoded.next = std::max(decoded.next, found->second + 1);
    decoded.operations.push_back(std::move(*operation));
  }
  return decoded;
}

}  // namespace

std::vector<model::Operation> old_news() {
  std::vector<model::Operation> nothing;
  nothing.emplace_back(model::DropNamespaceOp{{"-", "", ""}, {}});
  return nothing;
}

void Transfer::settle(Then<uint64_t> then) {
  engine_.apply_replicated(old_news(), on_loop(std::move(then)));
}

void Transfer::post(Loop::Work work) {
  loop_.post([life = std::weak_ptr(life_), work = std::move(work)] {
    if (!life.expired()) work();
  });
}

void Transfer::after(int64_t delay_ms, Loop::Work work) {
  loop_.after(delay_ms, [life = std::weak_ptr(life_), work = std::move(work)] {
    if (!life.expired()) work();
  });
}

template <typename Message, typename Reply>
void Transfer::call(const NodeId& peer, MessageType type, const Message& message, Then<Reply> then) {
  peers_.call(peer, type, encode(message, peers_.version_of(peer)), call_timeout_ms_,
              [life = std::weak_ptr(life_), then = std::move(then)](Result<std::string_view> body) {
                if (life.expired()) return;
                if (!body.ok()) return then(body.status());
                then(decode<Reply>(*body));
              });
}

template <typename T>
void Transfer::read(std::function<Result<T>(const store::Store&)> work, Then<T> then) {
  loop_.offload([&loop = loop_, &store = engine_.store(), life = std::weak_ptr(life_), work = std::move(work),
                 then = std::move(then)] {
    auto made = std::make_shared<Result<T>>(work(store));
    loop.post([life, made, then] {
      if (!life.expired()) then(std::move(*made));
    });
  });
}

engine::Done<uint64_t> Transfer::on_loop(Then<uint64_t> then) {
  return [&loop = loop_, life = std::weak_ptr(life_), then = std::move(then)](Result<uint64_t> result) {
    loop.post([life, then, result = std::move(result)] {
      if (!life.expired()) then(result);
    });
  };
}

void Transfer::digests(const NodeId& peer, const DigestsMessage& message, Then<DigestsReply> then) {
  call<DigestsMessage, DigestsReply>(peer, MessageType::digests, message, std::move(then));
}

void Transfer::versions(const NodeId& peer, const VersionsMessage& message, Then<VersionsReply> then) {
  call<VersionsMessage, VersionsReply>(peer, MessageType::versions, message, std::move(then));
}

void Transfer::summaries(std::vector<Unit> units, Splits splits, size_t limit, Then<Summaries> then) {
  read<Summaries>(
      [units = std::move(units), splits = std::move(splits),
       limit](const store::Store& store) -> Result<Summaries> {
        Summaries all;
        all.reserve(units.size());
        for (const Unit& unit : units) all.push_back(store.namespaces_in(area_of(unit, splits), limit));
        return all;
      },
      std::move(then));
}

void Transfer::versions_here(const VersionsMessage& message, Then<store::NamespaceVersions> then) {
  read<store::NamespaceVersions>(
      [message](const store::Store& store) -> Result<store::NamespaceVersions> {
        return store.versions(message.ns, message.bucket, message.buckets, message.slots);
      },
      std::move(then));
}

void Transfer::purge(std::vector<store::EntryRef> entries, Then<uint64_t> then) {
  engine_.purge(std::move(entries), on_loop(std::move(then)));
}

// --- fetch ---

void Transfer::fetch(const NodeId& peer, const model::NamespaceKey& ns, Ids ids, ByteBudget* budget,
                     Then<Moved> then) {
  auto job = std::make_shared<Job>(Job{peer, ns, std::move(ids), budget, std::move(then), 0, {}});
  post([this, job] { fetch_piece(job); });
}

bool Transfer::waits_for_budget(const std::shared_ptr<Job>& job,
                                void (Transfer::*step)(const std::shared_ptr<Job>&)) {
  const int64_t wait_ms = job->budget == nullptr ? 0 : job->budget->wait_ms(now_ms());
  if (wait_ms == 0) return false;
  after(wait_ms, [this, job, step] { (this->*step)(job); });
  return true;
}

void Transfer::fetch_piece(const std::shared_ptr<Job>& job) {
  if (job->next >= job->ids.size()) return job->then(job->moved);
  if (waits_for_budget(job, &Transfer::fetch_piece)) return;
  const auto from = job->ids.begin() + static_cast<std::ptrdiff_t>(job->next);
  const size_t count = std::min(kSyncMessageIds, job->ids.size() - job->next);
  const FetchMessage message{job->ns, Ids(from, from + static_cast<std::ptrdiff_t>(count))};
  call<FetchMessage, FetchReply>(job->peer, MessageType::fetch, message,
                                 [this, job](Result<FetchReply> reply) {
                                   if (!reply.ok()) return job->then(reply.status());
                                   apply_piece(job, std::move(reply->operations));
                                 });
}

void Transfer::apply_piece(const std::shared_ptr<Job>& job, std::vector<std::string> operations) {
  uint64_t bytes = 0;
  for (const std::string& operation : operations) bytes += operation.size();
  if (job->budget != nullptr) job->budget->spend(bytes, now_ms());
  const auto decode_all = [job, operations = std::move(operations)](const store::Store&) {
    return decode_fetched(job->ns, job->ids, job->next, operations);
  };
  read<Decoded>(decode_all, [this, job, bytes](Result<Decoded> decoded) {
    if (!decoded.ok()) return job->then(decoded.status());
    job->next = decoded->next;
    const Moved piece{decoded->operations.size(), bytes, 0};
    if (decoded->operations.empty()) return fetch_piece(job);
    engine_.apply_replicated(std::move(decoded->operations),
                             on_loop([this, job, piece](Result<uint64_t> applied) {
                               if (!applied.ok()) return job->then(applied.status());
                               Moved moved = piece;
                               moved.changed = *applied;
                               job->moved += moved;
                               fetched_ += moved;
                               fetch_piece(job);
                             }));
  });
}

// --- push ---

void Transfer::push(const NodeId& peer, const model::NamespaceKey& ns, Ids ids, ByteBudget* budget,
                    Then<Moved> then) {
  auto job = std::make_shared<Job>(Job{peer, ns, std::move(ids), budget, std::move(then), 0, {}});
  post([this, job] { push_piece(job); });
}

void Transfer::push_piece(const std::shared_ptr<Job>& job) {
  if (job->next >= job->ids.size()) return job->then(job->moved);
  if (waits_for_budget(job, &Transfer::push_piece)) return;
  const auto gather_piece = [job](const store::Store& store) -> Result<Gathered> {
    return gather(store, job->ns, job->ids, job->next);
  };
  read<Gathered>(gather_piece, [this, job](Result<Gathered> gathered) {
    job->next = gathered->next;
    if (gathered->operations.empty()) return push_piece(job);
    const Moved piece{gathered->operations.size(), gathered->bytes, 0};
    if (job->budget != nullptr) job->budget->spend(piece.bytes, now_ms());
    call<ApplyMessage, ApplyReply>(job->peer, MessageType::apply,
                                   ApplyMessage{std::move(gathered->operations)},
                                   [this, job, piece](Result<ApplyReply> reply) {
                                     if (!reply.ok()) return job->then(reply.status());
                                     Moved moved = piece;
                                     moved.changed = reply->applied;
                                     job->moved += moved;
                                     pushed_ += moved;
                                     push_piece(job);
                                   });
  });
}

}  // namespace ferro::node::cluster
