#include "node/cluster/core/router.h"

#include <memory>
#include <utility>

#include "common/crypto/uuid.h"
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

// The id before the first send: whoever decides it, and however often it is sent, it is the same entry.
Status assign_id(engine::InsertRequest& request) {
  if (!request.id.empty()) return {};
  FERRO_ASSIGN_OR_RETURN(request.id, crypto::make_uuid(model::partition_of(request.ns)));
  return {};
}

}  // namespace

bool Router::acts_here(uint16_t partition) const {
  const auto routes = context_.routes.get();
  if (!routes->reads_here(partition)) return false;
  const auto readers = routes->readers(partition);
  return !readers.empty() && *readers.front() == routes->self();
}

void Router::lookup(const engine::LookupRequest& request, cache::LookupOptions options,
                    cache::Done<engine::LookupResult> done) {
  const auto routes = context_.routes.get();
  const bool here =
      options.reach == cache::Reach::here ||
      (routes->reads_here(model::partition_of(request.ns)) &&
       (!request.ns.is_conversation() || routes->reads_here(model::partition_of(request.ns.base()))));
  if (here) {
    auto result = context_.engine.lookup(request);
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
  if (acts_here(model::partition_of(request.ns))) return owner_.insert(std::move(request), std::move(done));
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

model::PartitionSet Router::partitions_of(const std::string& id,
                                          const std::optional<model::NamespaceKey>& ns) const {
  model::PartitionSet partitions;
  if (ns) {
    partitions.set(model::partition_of(*ns));
  } else if (const auto partition = crypto::partition_of_uuid(id);
             partition && *partition < model::kPartitions) {
    partitions.set(*partition);
  } else {
    partitions.set();
  }
  return partitions;
}

// An id that looks like one of ours names its partition; should nothing be there, a client may have chosen it
// and all are asked.
void Router::remove(engine::RemoveRequest request, cache::Reach reach, cache::Done<uint64_t> done) {
  if (reach == cache::Reach::here) {
    request.tag = kLocalWrite;
    return context_.engine.remove(std::move(request), std::move(done));
  }
  const model::PartitionSet first = partitions_of(request.id, request.ns);
  const bool more = !request.ns && !first.all();
  auto everywhere = request;
  remove_in(std::move(request), first,
            [this, first, more, everywhere = std::move(everywhere),
             done = std::move(done)](const Result<uint64_t>& removed) mutable {
              if (!removed.ok() || *removed > 0) return done(removed);
              if (!more) return done(Status::not_found("entry not found"));
              remove_in(std::move(everywhere), ~first,
                        [done = std::move(done)](const Result<uint64_t>& others) {
                          if (others.ok() && *others == 0) return done(Status::not_found("entry not found"));
                          done(others);
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
  const model::PartitionSet first = partitions_of(request.id, request.ns);
  const bool more = !request.ns && !first.all();
  auto everywhere = request;
  find_in(std::move(request), first,
          [this, first, more, everywhere = std::move(everywhere),
           done = std::move(done)](Result<std::vector<store::EntryView>> found) mutable {
            if (!found.ok() || !found->empty() || !more) return done(std::move(found));
            find_in(std::move(everywhere), ~first, std::move(done));
          });
}

}  // namespace ferro::node::cluster
