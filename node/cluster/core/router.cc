#include "node/cluster/core/router.h"

#include <memory>
#include <utility>

#include "common/crypto/uuid.h"
#include "node/cluster/core/candidates.h"
#include "node/cluster/core/insert_task.h"
#include "node/cluster/core/lookup_task.h"

namespace ferro::node::cluster {

namespace {

LookupMessage message_of(const engine::LookupRequest& request) {
  LookupMessage message;
  message.ns = request.ns;
  message.unit_vector.assign(request.unit_vector.begin(), request.unit_vector.end());
  message.query_text = std::string(request.query_text);
  message.threshold = request.threshold;
  message.top_k = static_cast<uint16_t>(request.top_k);
  if (request.attributes != nullptr) message.attributes = *request.attributes;
  return message;
}

// How often an id is made anew until its hash falls into the shard whose partition it tells: with 64 shards
// one in e^-16 needs more, and then the id tells another shard's partition, where it is looked for first.
constexpr int kIdTries = 1024;

// Where entries of that id can be. One that a server made tells the partition that it lay in when it was
// made; since then its namespace may have been split further.
model::PartitionSet partitions_of(const std::string& id, const std::optional<model::NamespaceKey>& ns,
                                  const model::SplitTable& splits) {
  model::PartitionSet partitions;
  if (ns) return partitions.set(splits.partition_of(*ns, id));
  const auto told = crypto::partition_of_uuid(id);
  if (!told || *told >= model::kPartitions) return partitions.set();
  partitions.set(*told);
  const unsigned slot = model::slot_of(id);
  for (const model::Split& split : splits.splits()) {
    for (unsigned degree = 0; degree <= split.degree; ++degree) {
      if (model::partition_of_shard(split.ns, slot & ((1U << degree) - 1)) != *told) continue;
      partitions.set(splits.partition_of(split.ns, slot));
    }
  }
  return partitions;
}

}  // namespace

Status Router::assign_id(engine::InsertRequest& request) const {
  if (!request.id.empty()) return {};
  const auto splits = context_.routes.get()->splits();
  const uint64_t hash = model::namespace_hash(request.ns);
  const unsigned degree = splits->degree_of(hash);
  uint16_t partition = model::home_of(hash);
  if (degree != 0) {
    const auto shard = static_cast<unsigned>(next_shard_.fetch_add(1, std::memory_order_relaxed));
    partition = model::partition_of_shard(hash, shard & ((1U << degree) - 1));
  }
  for (int tries = 0; tries < kIdTries; ++tries) {
    FERRO_ASSIGN_OR_RETURN(request.id, crypto::make_uuid(partition));
    if (degree == 0 || splits->partition_of(hash, model::slot_of(request.id)) == partition) break;
  }
  return {};
}

bool Router::acts_here(const model::NamespaceKey& ns, const std::string& id) const {
  const auto routes = context_.routes.get();
  const uint16_t partition = routes->splits()->partition_of(ns, id);
  if (!routes->reads_here(partition)) return false;
  const auto readers = routes->readers(partition);
  return !readers.empty() && *readers.front() == routes->self();
}

void Router::lookup(const engine::LookupRequest& request, cache::LookupOptions options,
                    cache::Done<engine::LookupResult> done) {
  const auto routes = context_.routes.get();
  const bool here =
      options.reach == cache::Reach::here ||
      (routes->reads_here(model::namespace_hash(request.ns)) &&
       (!request.ns.is_conversation() || routes->reads_here(model::namespace_hash(request.ns.base()))));
  if (here) {
    auto result = context_.engine.lookup(request);
    if (result.ok()) accesses_.note(request.ns, *result);
    if (options.reach == cache::Reach::everywhere) repair_after(request, options, result);
    return done(std::move(result));
  }
  engine::LookupRequest asked;
  asked.ns = request.ns;
  start_lookup(
      context_, desk_, message_of(request),
      [this, asked = std::move(asked), options, done = std::move(done)](Result<engine::LookupResult> result) {
        repair_after(asked, options, result);
        done(std::move(result));
      });
}

void Router::repair_after(const engine::LookupRequest& request, const cache::LookupOptions& options,
                          const Result<engine::LookupResult>& result) {
  if (!result.ok() || result->hits.empty()) return;
  const bool due =
      options.read_repair ? *options.read_repair : context_.options.read_repair_enabled && read_repair_.due();
  if (!due) return;
  const bool of_base = request.ns.is_conversation() && !result->from_conversation;
  context_.loop.post([this, ns = of_base ? request.ns.base() : request.ns, id = result->hits.front().id] {
    read_repair_.check(ns, id);
  });
}

void Router::insert(engine::InsertRequest request, cache::Reach reach, cache::Done<std::string> done) {
  if (Status status = assign_id(request); !status.ok()) return done(status);
  if (reach == cache::Reach::here) {
    request.tag = kLocalWrite;
    return context_.engine.insert(std::move(request), std::move(done));
  }
  if (!acts_here(request.ns, request.id)) return insert_anywhere(std::move(request), std::move(done));
  // This node's disk may be full, or its log may have stopped, while another owner takes it. This try is over
  // by then, so that nothing is decided twice at once.
  auto kept = std::make_shared<engine::InsertRequest>(request);
  owner_.insert(std::move(request),
                [this, kept = std::move(kept), done = std::move(done)](Result<std::string> inserted) {
                  if (!worth_asking_another(inserted.status())) return done(std::move(inserted));
                  insert_anywhere(std::move(*kept), done);
                });
}

void Router::insert_anywhere(engine::InsertRequest request, cache::Done<std::string> done) {
  std::vector<engine::InsertRequest> items;
  items.push_back(std::move(request));
  start_insert(context_, owner_, std::move(items),
               [done = std::move(done)](Owner::InsertResults results) { done(std::move(results.front())); });
}

void Router::insert_batch(std::vector<engine::InsertRequest> requests, cache::Reach reach,
                          std::function<void(std::vector<Result<std::string>>)> done) {
  for (engine::InsertRequest& request : requests) {
    if (Status status = assign_id(request); !status.ok()) {
      return done(Owner::InsertResults(requests.size(), Result<std::string>(status)));
    }
    if (reach == cache::Reach::here) request.tag = kLocalWrite;
  }
  if (reach == cache::Reach::here) return context_.engine.insert_batch(std::move(requests), std::move(done));
  start_insert(context_, owner_, std::move(requests), std::move(done));
}

// An id that looks like one of ours names its partition; should nothing be there, a client may have chosen it
// and all are asked.
void Router::remove(engine::RemoveRequest request, cache::Reach reach, cache::Done<uint64_t> done) {
  if (reach == cache::Reach::here) {
    request.tag = kLocalWrite;
    return context_.engine.remove(std::move(request), std::move(done));
  }
  const Where first = [id = request.id, ns = request.ns](const model::SplitTable& splits) {
    return partitions_of(id, ns, splits);
  };
  const bool more = !request.ns && crypto::partition_of_uuid(request.id).has_value();
  auto everywhere = request;
  remove_in(std::move(request), first,
            [this, first, more, everywhere = std::move(everywhere),
             done = std::move(done)](const Result<uint64_t>& removed) mutable {
              if (!removed.ok() || *removed > 0) return done(removed);
              if (!more) return done(Status::not_found("entry not found"));
              const Where others = [first](const model::SplitTable& splits) { return ~first(splits); };
              remove_in(std::move(everywhere), others,
                        [done = std::move(done)](const Result<uint64_t>& more_removed) {
                          if (more_removed.ok() && *more_removed == 0) {
                            return done(Status::not_found("entry not found"));
                          }
                          done(more_removed);
                        });
            });
}

void Router::find(cache::FindRequest request, cache::Reach reach,
                  cache::Done<std::vector<store::EntryView>> done) {
  if (reach == cache::Reach::here) {
    std::vector<store::EntryView> entries = context_.engine.find(request.id, request.with_vector);
    if (request.ns)
      std::erase_if(entries, [&](const store::EntryView& entry) { return entry.ns != *request.ns; });
    return done(std::move(entries));
  }
  const Where first = [id = request.id, ns = request.ns](const model::SplitTable& splits) {
    return partitions_of(id, ns, splits);
  };
  const bool more = !request.ns && crypto::partition_of_uuid(request.id).has_value();
  auto everywhere = request;
  find_in(std::move(request), first,
          [this, first, more, everywhere = std::move(everywhere),
           done = std::move(done)](Result<std::vector<store::EntryView>> found) mutable {
            if (!found.ok() || !found->empty() || !more) return done(std::move(found));
            const Where others = [first](const model::SplitTable& splits) { return ~first(splits); };
            find_in(std::move(everywhere), others, std::move(done));
          });
}

}  // namespace ferro::node::cluster
