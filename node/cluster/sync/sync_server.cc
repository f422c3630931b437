#include "node/cluster/sync/sync_server.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "node/cluster/sync/exchange.h"
#include "node/cluster/sync/gather.h"
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
    digests.push_back(
        {std::move(summary.ns), summary.digest, summary.entries, summary.tombstones, summary.floor});
  }
  return digests;
}

DigestsReply compare_digests(const store::Store& store, const DigestsMessage& message, bool complete) {
  DigestsReply reply;
  if (complete) reply.collected_upto_ms = store.tombstones().collected_upto_ms;
  size_t room = kNamespacesListedMax;
  for (const DigestsMessage::Item& item : message.items) {
    if (store.partition_digest(item.partition) == item.digest) continue;
    DigestsReply::Item& differs = reply.differing.emplace_back();
    differs.partition = item.partition;
    const bool first = room == kNamespacesListedMax;
    auto summaries = store.namespaces_in(item.partition, kNamespacesOfPartitionMax);
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
  store::NamespaceVersions versions = store.versions(message.ns, message.bucket, message.buckets);
  VersionsReply reply;
  reply.floor = versions.floor;
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

void SyncServer::note_asked(const NodeId& from, const DigestsMessage& message) {
  for (const DigestsMessage::Item& item : message.items) {
    const uint64_t digest = engine_.store().partition_digest(item.partition);
    if (item.digest != ~digest) on_asked_(from, item.partition, item.digest == digest);
  }
}

void SyncServer::on_digests(DigestsMessage message, uint16_t version, const RespondFn& respond) {
  // Old news, written to the end of the queue: what was decided before it, by the ring that the asker no
  // longer goes by, is in the digests that follow.
  std::vector<model::Operation> nothing;
  nothing.emplace_back(model::DropNamespaceOp{{"-", "", ""}, {}});
  engine_.apply_replicated(
      std::move(nothing), [this, &loop = loop_, life = std::weak_ptr(life_), message = std::move(message),
                           version, respond](const Result<uint64_t>&) {
        loop.post([this, life, message, version, respond] {
          if (life.expired()) return;
          answer<DigestsReply>(
              [message, complete = standing_.complete](const store::Store& store) -> Result<DigestsReply> {
                return compare_digests(store, message, complete);
              },
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
