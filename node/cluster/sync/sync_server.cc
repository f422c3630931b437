#include "node/cluster/sync/sync_server.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "node/cluster/sync/exchange.h"
#include "node/cluster/sync/gather.h"
#include "node/cluster/sync/transfer.h"
#include "node/cluster/wire/codec.h"
#include "node/model/operation.h"

namespace ferro::node::cluster {
namespace {

// Listed in one answer, about a megabyte; a single partition may have more.
constexpr size_t kNamespacesListedMax = 8192;

std::vector<NamespaceDigest> listed(std::vector<store::NamespaceSummary> summaries) {
  std::vector<NamespaceDigest> digests;
  digests.reserve(summaries.size());
  for (store::NamespaceSummary& summary : summaries) {
    digests.push_back({std::move(summary.ns), summary.digest, summary.entries, summary.tombstones,
                       std::move(summary.floors)});
  }
  return digests;
}

DigestsReply compare_digests(const store::Store& store, const DigestsMessage& message,
                             const model::SplitTable& splits, bool complete) {
  DigestsReply reply;
  if (complete) reply.collected_upto_ms = store.tombstones().collected_upto_ms;
  size_t room = kNamespacesListedMax;
  for (const DigestsMessage::Item& item : message.items) {
    const store::Area area{item.partition, &splits, item.only};
    if (store.area_digest(area) == item.digest) continue;
    DigestsReply::Item& differs = reply.differing.emplace_back();
    differs.partition = item.partition;
    differs.only = item.only;
    const bool first = room == kNamespacesListedMax;
    auto summaries = store.namespaces_in(area, kNamespacesOfPartitionMax);
    if (!first && summaries.size() > room) {
      differs.complete = false;  // put off; those after it may still fit
      continue;
    }
    differs.complete = summaries.size() < kNamespacesOfPartitionMax;
    room -= std::min(room, summaries.size());
    differs.namespaces = listed(std::move(summaries));
  }
  return reply;
}

Result<VersionsReply> list_versions(const store::Store& store, const VersionsMessage& message,
                                    int64_t doubtful_upto_ms) {
  store::NamespaceVersions versions =
      store.versions(message.ns, message.bucket, message.buckets, message.slots);
  VersionsReply reply;
  reply.floors = std::move(versions.floors);
  reply.entries.reserve(versions.entries.size());
  for (store::VersionOf& entry : versions.entries) {
    if (doubtful_upto_ms != 0 && !entry.tombstone && entry.version.wall_ms() <= doubtful_upto_ms) continue;
    reply.entries.push_back({std::move(entry.id), entry.version, entry.tombstone});
  }
  if (reply.entries.size() > kWireItemsMax) return Status(StatusCode::too_large, "ask for smaller buckets");
  return reply;
}

}  // namespace

bool SyncServer::on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                            const RespondFn& respond) {
  const auto serve = [&](auto decoded, auto handler) {
    if (!decoded.ok()) {
      respond(decoded.status());
    } else {
      (this->*handler)(std::move(*decoded), version, respond);
    }
    return true;
  };
  switch (type) {
    case MessageType::digests: {
      auto message = decode<DigestsMessage>(body);
      if (message.ok()) note_asked(from, *message);
      return serve(std::move(message), &SyncServer::on_digests);
    }
    case MessageType::versions:
      return serve(decode<VersionsMessage>(body), &SyncServer::on_versions);
    case MessageType::fetch:
      return serve(decode<FetchMessage>(body), &SyncServer::on_fetch);
    case MessageType::apply:
      return serve(decode<ApplyMessage>(body), &SyncServer::on_apply);
    default:
      return false;
  }
}

template <typename Reply>
void SyncServer::answer(std::function<Result<Reply>(const store::Store&)> work, uint16_t version,
                        const RespondFn& respond) {
  loop_.offload([&loop = loop_, &store = engine_.store(), life = std::weak_ptr(life_), work = std::move(work),
                 version, respond] {
    const Result<Reply> reply = work(store);
    auto body = std::make_shared<Result<std::string>>(
        reply.ok() ? Result<std::string>(encode(*reply, version)) : Result<std::string>(reply.status()));
    loop.post([life, body, respond] {
      if (!life.expired()) respond(std::move(*body));
    });
  });
}

std::shared_ptr<const model::SplitTable> SyncServer::splits_of(uint64_t fingerprint) const {
  for (const auto& splits : standing_.splits) {
    if (splits->fingerprint() == fingerprint) return splits;
  }
  return nullptr;
}

void SyncServer::note_asked(const NodeId& from, const DigestsMessage& message) {
  const auto splits = splits_of(message.splits);
  if (splits == nullptr || splits != standing_.splits.front()) return;
  for (const DigestsMessage::Item& item : message.items) {
    if (item.only != 0) continue;
    const uint64_t digest = engine_.store().area_digest({item.partition, splits.get()});
    if (item.digest != ~digest) on_asked_(from, item.partition, item.digest == digest);
  }
}

void SyncServer::on_digests(DigestsMessage message, uint16_t version, const RespondFn& respond) {
  auto splits = splits_of(message.splits);
  if (splits == nullptr) {
    return respond(Status(StatusCode::failed_precondition, "asked by a ring that this node does not know"));
  }
  // At the end of the queue: what was decided before it, by the ring that the asker no longer goes by, is in
  // the digests that follow.
  engine_.apply_replicated(
      old_news(), [this, &loop = loop_, life = std::weak_ptr(life_), message = std::move(message),
                   splits = std::move(splits), version, respond](const Result<uint64_t>&) {
        loop.post([this, life, message, splits, version, respond] {
          if (life.expired()) return;
          answer<DigestsReply>(
              [message, splits, complete = standing_.complete](const store::Store& store)
                  -> Result<DigestsReply> { return compare_digests(store, message, *splits, complete); },
              version, respond);
        });
      });
}

void SyncServer::on_versions(VersionsMessage message, uint16_t version, const RespondFn& respond) {
  answer<VersionsReply>([message = std::move(message), upto_ms = standing_.doubtful_upto_ms](
                            const store::Store& store) { return list_versions(store, message, upto_ms); },
                        version, respond);
}

void SyncServer::on_fetch(FetchMessage message, uint16_t version, const RespondFn& respond) {
  answer<FetchReply>(
      [message = std::move(message)](const store::Store& store) -> Result<FetchReply> {
        return FetchReply{gather(store, message.ns, message.ids, 0).operations};
      },
      version, respond);
}

void SyncServer::on_apply(ApplyMessage message, uint16_t version, const RespondFn& respond) {
  std::vector<model::Operation> operations;
  operations.reserve(message.operations.size());
  for (const std::string& bytes : message.operations) {
    Result<model::Operation> operation = model::decode(as_bytes(bytes));
    if (!operation.ok()) return respond(Status::invalid(operation.status().message()));
    operations.push_back(std::move(*operation));
  }
  engine_.apply_replicated(std::move(operations), [&loop = loop_, life = std::weak_ptr(life_), version,
                                                   respond](const Result<uint64_t>& applied) {
    Result<std::string> body = applied.ok() ? Result<std::string>(encode(ApplyReply{*applied}, version))
                                            : Result<std::string>(applied.status());
    loop.post([life, respond, body = std::move(body)] {
      if (!life.expired()) respond(body);
    });
  });
}

}  // namespace ferro::node::cluster
