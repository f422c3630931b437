// What the router asks several owners at once.
#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "node/cluster/core/gather.h"
#include "node/cluster/core/join_tops.h"
#include "node/cluster/core/router.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

// Scans of whole nodes and their copies: far longer than a lookup, and still bounded.
constexpr int64_t kScanTimeoutMs = 30'000;

using Where = std::function<model::PartitionSet(const model::SplitTable& splits)>;

Where everywhere() {
  return [](const model::SplitTable&) { return model::PartitionSet().set(); };
}

Where shards_of(const model::NamespaceKey& ns) {
  return [hash = model::namespace_hash(ns)](const model::SplitTable& splits) {
    model::PartitionSet partitions;
    for (const auto& shard : splits.shards_of(hash)) partitions.set(shard.partition);
    return partitions;
  };
}

uint64_t fingerprint_of(const model::Territory& share) {
  return share.splits->fingerprint();
}

// Whether what was answered counts when everybody is asked anew.
enum class Earlier { forgotten, kept };

// A question whose answers are of one type, folded into a shared total.
template <typename Reply, typename Total>
Question question(MessageType type, Earlier earlier, Where partitions, int64_t timeout_ms,
                  std::function<std::string(const model::Territory&, uint16_t)> body,
                  std::shared_ptr<Total> total, void (*fold)(Reply&&, Total&)) {
  Question asked;
  asked.type = type;
  asked.partitions = std::move(partitions);
  asked.timeout_ms = timeout_ms;
  asked.body = std::move(body);
  if (earlier == Earlier::forgotten) asked.forget = [total] { *total = Total(); };
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

// Of one namespace, what another node has of it.
void add_shard(store::NamespaceStats&& shard, store::NamespaceStats& total) {
  if (shard.entry_count > total.entry_count) {
    total.index_kind = std::move(shard.index_kind);
    total.dimension = shard.dimension;
  }
  total.entry_count += shard.entry_count;
  total.oldest_entry_ms = std::min(total.oldest_entry_ms, shard.oldest_entry_ms);
  total.newest_entry_ms = std::max(total.newest_entry_ms, shard.newest_entry_ms);
  total.total_accesses += shard.total_accesses;
  total.bytes += shard.bytes;
  total.index_rebuilds += shard.index_rebuilds;
  total.counters += shard.counters;
}

template <typename T>
std::function<void(Status)> give(std::shared_ptr<T> total, cache::Done<T> done) {
  return [total = std::move(total), done = std::move(done)](const Status& status) {
    done(status.ok() ? Result<T>(std::move(*total)) : Result<T>(status));
  };
}

}  // namespace

void Router::remove_in(engine::RemoveRequest request, Where partitions, cache::Done<uint64_t> done) {
  auto total = std::make_shared<uint64_t>(0);
  Question asked = question<CountReply, uint64_t>(
      MessageType::remove, Earlier::kept, std::move(partitions), context_.options.request_timeout_ms * 2,
      [request = std::move(request)](const model::Territory& share, uint16_t version) {
        return encode(RemoveMessage{request, share.partitions, fingerprint_of(share)}, version);
      },
      total, add_count);
  asked.decide_ms = context_.options.request_timeout_ms;
  start_gather(context_, desk_, std::move(asked), give(total, std::move(done)));
}

void Router::drop_namespace(model::NamespaceKey ns, cache::Done<uint64_t> done) {
  auto total = std::make_shared<uint64_t>(0);
  Where shards = shards_of(ns);
  start_gather(
      context_, desk_,
      question<CountReply, uint64_t>(
          MessageType::drop_namespace, Earlier::kept, std::move(shards), kScanTimeoutMs,
          [ns = std::move(ns)](const model::Territory& share, uint16_t version) {
            return encode(DropNamespaceMessage{ns, share.slots_of(model::namespace_hash(ns))}, version);
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
  Where partitions = request.radius ? shards_of(request.radius->ns) : everywhere();
  invalidate_in(std::move(request), std::move(partitions), {}, std::move(done));
}

// An owner deletes only so many before it answers: while one did, all are asked again.
void Router::invalidate_in(engine::InvalidateRequest request, Where partitions, std::vector<std::string> ids,
                           cache::Done<std::vector<std::string>> done) {
  struct Total {
    std::vector<std::string> ids;
    bool more = false;
  };
  auto total = std::make_shared<Total>(Total{std::move(ids)});
  start_gather(
      context_, desk_,
      question<IdsReply, Total>(
          MessageType::invalidate, request.dry_run ? Earlier::forgotten : Earlier::kept, partitions,
          kScanTimeoutMs,
          [request](const model::Territory& share, uint16_t version) {
            return encode(InvalidateMessage{request, share.partitions, fingerprint_of(share)}, version);
          },
          total,
          [](IdsReply&& reply, Total& all) {
            all.more = all.more || reply.ids.size() >= kWireItemsMax;
            all.ids.insert(all.ids.end(), std::make_move_iterator(reply.ids.begin()),
                           std::make_move_iterator(reply.ids.end()));
          }),
      [this, total, request, partitions, done = std::move(done)](const Status& status) mutable {
        if (!status.ok()) return done(status);
        if (!total->more || request.dry_run) return done(std::move(total->ids));
        invalidate_in(std::move(request), std::move(partitions), std::move(total->ids), std::move(done));
      });
}

void Router::find_in(cache::FindRequest request, Where partitions,
                     cache::Done<std::vector<store::EntryView>> done) {
  auto total = std::make_shared<std::vector<store::EntryView>>();
  auto ns = request.ns;
  start_gather(
      context_, desk_,
      question<FindReply, std::vector<store::EntryView>>(
          MessageType::find, Earlier::forgotten, std::move(partitions), context_.options.request_timeout_ms,
          [request = std::move(request)](const model::Territory& share, uint16_t version) {
            return encode(
                FindMessage{request.id, request.with_vector, share.partitions, fingerprint_of(share)},
                version);
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
                   MessageType::list_namespaces, Earlier::forgotten, everywhere(),
                   context_.options.request_timeout_ms * 2,
                   [request = std::move(request)](const model::Territory& share, uint16_t version) {
                     return encode(
                         ListNamespacesMessage{share.partitions, request.prefix, request.after,
                                               static_cast<uint32_t>(request.limit), fingerprint_of(share)},
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
                 const std::string* last = nullptr;
                 for (Named& named : *total) {
                   const bool again = last != nullptr && *last == named.first;
                   if (!again && list.size() == limit) break;
                   if (again) {
                     add_shard(std::move(named.second), list.back());
                   } else {
                     list.push_back(std::move(named.second));
                   }
                   last = &named.first;
                 }
                 done(std::move(list));
               });
}

void Router::check_dimension(const model::NamespaceKey& ns, size_t dimension,
                             std::function<void(Status)> done) {
  auto total = std::make_shared<std::vector<store::NamespaceStats>>();
  const std::string name = model::printed_name(ns);
  start_gather(context_, desk_,
               question<ListNamespacesReply, std::vector<store::NamespaceStats>>(
                   MessageType::list_namespaces, Earlier::forgotten, shards_of(ns),
                   context_.options.request_timeout_ms,
                   [name](const model::Territory& share, uint16_t version) {
                     return encode(
                         ListNamespacesMessage{share.partitions, name, "", 1, fingerprint_of(share)},
                         version);
                   },
                   total,
                   [](ListNamespacesReply&& reply, std::vector<store::NamespaceStats>& all) {
                     std::move(reply.namespaces.begin(), reply.namespaces.end(), std::back_inserter(all));
                   }),
               [total, ns, dimension, done = std::move(done)](const Status& status) {
                 if (!status.ok()) return done(status);
                 for (const store::NamespaceStats& shard : *total) {
                   if (shard.key != ns || shard.dimension == dimension) continue;
                   return done(store::dimension_mismatch(ns, shard.dimension, dimension));
                 }
                 done({});
               });
}

void Router::top_entries(size_t top, size_t namespaces_max, cache::Done<cache::TopList> done) {
  auto total = std::make_shared<cache::TopList>();
  start_gather(context_, desk_,
               question<TopEntriesReply, cache::TopList>(
                   MessageType::top_entries, Earlier::forgotten, everywhere(), kScanTimeoutMs,
                   [top, namespaces_max](const model::Territory& share, uint16_t version) {
                     return encode(
                         TopEntriesMessage{share.partitions, static_cast<uint32_t>(top),
                                           static_cast<uint32_t>(namespaces_max), fingerprint_of(share)},
                         version);
                   },
                   total,
                   [](TopEntriesReply&& reply, cache::TopList& all) {
                     for (auto& ns : reply.namespaces) all.push_back(std::move(ns));
                   }),
               [total, top, namespaces_max, done = std::move(done)](const Status& status) {
                 if (!status.ok()) return done(status);
                 join_tops(*total, top);
                 if (total->size() > namespaces_max) total->resize(namespaces_max);
                 done(std::move(*total));
               });
}

void Router::count_entries(cache::Done<uint64_t> done) {
  auto total = std::make_shared<uint64_t>(0);
  start_gather(
      context_, desk_,
      question<CountReply, uint64_t>(
          MessageType::count_entries, Earlier::forgotten, everywhere(), context_.options.request_timeout_ms,
          [](const model::Territory& share, uint16_t version) {
            return encode(CountEntriesMessage{share.partitions, fingerprint_of(share)}, version);
          },
          total, add_count),
      give(total, std::move(done)));
}

}  // namespace ferro::node::cluster
