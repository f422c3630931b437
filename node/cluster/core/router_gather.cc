// What the router asks several owners at once.
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "node/cluster/core/gather.h"
#include "node/cluster/core/router.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

// Scans of whole nodes and their copies: far longer than a lookup, and still bounded.
constexpr int64_t kScanTimeoutMs = 30'000;

model::PartitionSet all_partitions() {
  model::PartitionSet all;
  return all.set();
}

// A question whose answers are of one type, folded into a shared total.
template <typename Reply, typename Total>
Question question(MessageType type, const model::PartitionSet& partitions, int64_t timeout_ms,
                  std::function<std::string(const model::PartitionSet&, uint16_t)> body,
                  std::shared_ptr<Total> total, void (*fold)(Reply&&, Total&)) {
  Question asked;
  asked.type = type;
  asked.partitions = partitions;
  asked.timeout_ms = timeout_ms;
  asked.body = std::move(body);
  asked.take = [total = std::move(total), fold](std::string_view bytes) -> Status {
    FERRO_ASSIGN_OR_RETURN(Reply reply, decode<Reply>(bytes));
    fold(std::move(reply), *total);
    return {};
  };
  return asked;
}

void add_count(CountReply&& reply, uint64_t& total) {
  total += reply.count;
}

template <typename T>
std::function<void(Status)> give(std::shared_ptr<T> total, cache::Done<T> done) {
  return [total = std::move(total), done = std::move(done)](const Status& status) {
    done(status.ok() ? Result<T>(std::move(*total)) : Result<T>(status));
  };
}

}  // namespace

void Router::remove_in(engine::RemoveRequest request, model::PartitionSet partitions,
                       cache::Done<uint64_t> done) {
  auto total = std::make_shared<uint64_t>(0);
  start_gather(context_, desk_,
               question<CountReply, uint64_t>(
                   MessageType::remove, partitions, context_.options.request_timeout_ms * 2,
                   [request = std::move(request)](const model::PartitionSet& share, uint16_t version) {
                     return encode(RemoveMessage{request, share}, version);
                   },
                   total, add_count),
               give(total, std::move(done)));
}

void Router::drop_namespace(model::NamespaceKey ns, cache::Done<uint64_t> done) {
  auto total = std::make_shared<uint64_t>(0);
  model::PartitionSet partition;
  partition.set(model::partition_of(ns));
  start_gather(context_, desk_,
               question<CountReply, uint64_t>(
                   MessageType::drop_namespace, partition, kScanTimeoutMs,
                   [ns = std::move(ns)](const model::PartitionSet&, uint16_t version) {
                     return encode(DropNamespaceMessage{ns}, version);
                   },
                   total, add_count),
               [total, done = std::move(done)](const Status& status) {
                 if (!status.ok()) return done(status);
                 if (*total == 0) return done(Status::not_found("namespace not found"));
                 done(*total);
               });
}

void Router::invalidate(engine::InvalidateRequest request, cache::Reach reach,
                        cache::Done<std::vector<std::string>> done) {
  if (reach == cache::Reach::here) {
    request.tag = kLocalWrite;
    return context_.engine.invalidate(std::move(request), std::move(done));
  }
  model::PartitionSet partitions = all_partitions();
  if (request.radius) {
    partitions.reset();
    partitions.set(model::partition_of(request.radius->ns));
  }
  auto total = std::make_shared<std::vector<std::string>>();
  start_gather(context_, desk_,
               question<IdsReply, std::vector<std::string>>(
                   MessageType::invalidate, partitions, kScanTimeoutMs,
                   [request = std::move(request)](const model::PartitionSet& share, uint16_t version) {
                     return encode(InvalidateMessage{request, share}, version);
                   },
                   total,
                   [](IdsReply&& reply, std::vector<std::string>& ids) {
                     ids.insert(ids.end(), std::make_move_iterator(reply.ids.begin()),
                                std::make_move_iterator(reply.ids.end()));
                   }),
               give(total, std::move(done)));
}

void Router::find_in(cache::FindRequest request, model::PartitionSet partitions,
                     cache::Done<std::vector<store::EntryView>> done) {
  auto total = std::make_shared<std::vector<store::EntryView>>();
  auto ns = request.ns;
  start_gather(
      context_, desk_,
      question<FindReply, std::vector<store::EntryView>>(
          MessageType::find, partitions, context_.options.request_timeout_ms,
          [request = std::move(request)](const model::PartitionSet& share, uint16_t version) {
            return encode(FindMessage{request.id, request.with_vector, share}, version);
          },
          total,
          [](FindReply&& reply, std::vector<store::EntryView>& entries) {
            for (store::EntryView& entry : reply.entries) entries.push_back(std::move(entry));
          }),
      [total, ns = std::move(ns), done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        if (ns) std::erase_if(*total, [&](const store::EntryView& entry) { return entry.ns != *ns; });
        std::sort(total->begin(), total->end(),
                  [](const store::EntryView& a, const store::EntryView& b) { return a.version > b.version; });
        done(std::move(*total));
      });
}

void Router::list_namespaces(cache::ListRequest request, cache::Done<cache::NamespaceList> done) {
  using Named = std::pair<std::string, store::NamespaceStats>;
  auto total = std::make_shared<std::vector<Named>>();
  const size_t limit = request.limit;
  start_gather(context_, desk_,
               question<ListNamespacesReply, std::vector<Named>>(
                   MessageType::list_namespaces, all_partitions(), context_.options.request_timeout_ms * 2,
                   [request = std::move(request)](const model::PartitionSet& share, uint16_t version) {
                     return encode(ListNamespacesMessage{share, request.prefix, request.after,
                                                         static_cast<uint32_t>(request.limit)},
                                   version);
                   },
                   total,
                   [](ListNamespacesReply&& reply, std::vector<Named>& all) {
                     for (store::NamespaceStats& ns : reply.namespaces) {
                       std::string name = model::printed_name(ns.key);
                       all.emplace_back(std::move(name), std::move(ns));
                     }
                   }),
               [total, limit, done = std::move(done)](const Status& status) {
                 if (!status.ok()) return done(status);
                 std::sort(total->begin(), total->end(),
                           [](const Named& a, const Named& b) { return a.first < b.first; });
                 cache::NamespaceList list;
                 for (Named& named : *total) {
                   if (list.size() == limit) break;
                   list.push_back(std::move(named.second));
                 }
                 done(std::move(list));
               });
}

void Router::top_entries(size_t top, size_t namespaces_max, cache::Done<cache::TopList> done) {
  auto total = std::make_shared<cache::TopList>();
  start_gather(context_, desk_,
               question<TopEntriesReply, cache::TopList>(
                   MessageType::top_entries, all_partitions(), kScanTimeoutMs,
                   [top, namespaces_max](const model::PartitionSet& share, uint16_t version) {
                     return encode(TopEntriesMessage{share, static_cast<uint32_t>(top),
                                                     static_cast<uint32_t>(namespaces_max)},
                                   version);
                   },
                   total,
                   [](TopEntriesReply&& reply, cache::TopList& all) {
                     for (auto& ns : reply.namespaces) all.push_back(std::move(ns));
                   }),
               [total, namespaces_max, done = std::move(done)](const Status& status) {
                 if (!status.ok()) return done(status);
                 std::sort(total->begin(), total->end(),
                           [](const auto& a, const auto& b) { return a.first < b.first; });
                 if (total->size() > namespaces_max) total->resize(namespaces_max);
                 done(std::move(*total));
               });
}

void Router::count_entries(cache::Done<uint64_t> done) {
  auto total = std::make_shared<uint64_t>(0);
  start_gather(context_, desk_,
               question<CountReply, uint64_t>(
                   MessageType::count_entries, all_partitions(), context_.options.request_timeout_ms,
                   [](const model::PartitionSet& share, uint16_t version) {
                     return encode(CountEntriesMessage{share}, version);
                   },
                   total, add_count),
               give(total, std::move(done)));
}

}  // namespace ferro::node::cluster
