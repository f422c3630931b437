#include "node/cluster/core/desk.h"

#include <utility>

#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

// A lookup takes some ten microseconds, handing it to another thread and back about as much. So it runs on
// the loop while the loop has time: at most half of every millisecond.
constexpr int64_t kWindowNs = 1'000'000;
constexpr int64_t kWindowBusyNs = kWindowNs / 2;
// Up to this many namespaces the exact count of live entries is worth its price.
constexpr size_t kExactCountNamespaces = 10'000;

Status not_an_owner(const Routes& routes) {
  return {StatusCode::failed_precondition,
          "node " + routes.self() + " does not own that partition in ring " + std::to_string(routes.epoch())};
}

Status check_owned(const Routes& routes, const model::NamespaceKey& ns, model::SlotSet slots) {
  return routes.owns_here(model::namespace_hash(ns), slots) ? Status() : not_an_owner(routes);
}

// Whoever asks may not have heard yet that this node misses writes. Where another owner knows them it is to
// be asked; where there is none, what this node has is all there is.
Status check_partition(const Context& context, const Routes& routes, uint16_t partition) {
  if (routes.reads_here(partition)) return {};
  for (const NodeId* owner : routes.ready_readers(partition)) {
    if (*owner != routes.self() && context.available(*owner))
      return {StatusCode::failed_precondition, "node " + routes.self() + " has to catch up, ask " + *owner};
  }
  return {};
}

// What somebody asks about by a ring that this node does not go by, it cannot tell which entries are meant.
Result<model::Territory> territory_of(const Context& context, const model::PartitionSet& partitions,
                                      uint64_t splits_fingerprint) {
  const auto routes = context.routes.get();
  model::Territory territory{partitions, routes->splits_of(splits_fingerprint)};
  if (territory.splits == nullptr || !routes->owns_here(partitions, *territory.splits)) {
    return not_an_owner(*routes);
  }
  // Of a ring to come, or one that has gone, it is asked by who goes by that; it gets the writes of each.
  if (splits_fingerprint != routes->splits()->fingerprint()) return territory;
  for (size_t p = 0; p < model::kPartitions; ++p) {
    const auto partition = static_cast<uint16_t>(p);
    if (partitions.test(p) && routes->current().owns(routes->self(), partition))
      FERRO_RETURN_IF_ERROR(check_partition(context, *routes, partition));
  }
  return territory;
}

}  // namespace

bool Desk::serve(MessageType type, std::string_view body, uint16_t version, int64_t decide_by_ns,
                 RespondFn respond) {
  switch (type) {
    case MessageType::ping:
      respond(std::string());
      return true;
    case MessageType::lookup:
      lookup(body, version, std::move(respond));
      return true;
    case MessageType::insert:
      insert(body, version, decide_by_ns, std::move(respond));
      return true;
    case MessageType::remove:
      remove(body, version, decide_by_ns, std::move(respond));
      return true;
    case MessageType::drop_namespace:
      drop_namespace(body, version, decide_by_ns, std::move(respond));
      return true;
    case MessageType::invalidate:
      invalidate(body, version, decide_by_ns, std::move(respond));
      return true;
    case MessageType::find:
      find(body, version, std::move(respond));
      return true;
    case MessageType::count_entries:
      count_entries(body, version, std::move(respond));
      return true;
    case MessageType::list_namespaces:
      list_namespaces(body, version, std::move(respond));
      return true;
    case MessageType::top_entries:
      top_entries(body, version, std::move(respond));
      return true;
    default:
      return false;
  }
}

template <typename T>
void Desk::offload(std::function<T()> work, std::function<void(T)> done) {
  Loop& loop = context_.loop;
  loop.offload([&loop, work = std::move(work), done = std::move(done)] {
    loop.post([done, answer = work()]() mutable { done(std::move(answer)); });
  });
}

bool Desk::may_run_on_loop(int64_t now_ns) const noexcept {
  return now_ns - window_start_ns_ >= kWindowNs || window_busy_ns_ < kWindowBusyNs;
}

Status Desk::check_knows(const model::NamespaceKey& ns, model::SlotSet slots) const {
  const auto routes = context_.routes.get();
  const uint64_t hash = model::namespace_hash(ns);
  if (routes->reads_here(hash, slots)) return {};
  for (const auto& shard : routes->splits()->shards_of(hash)) {
    if ((shard.slots & slots) != 0)
      FERRO_RETURN_IF_ERROR(check_partition(context_, *routes, shard.partition));
  }
  return {};
}

void Desk::lookup(std::string_view body, uint16_t version, RespondFn respond) {
  auto message = decode<LookupMessage>(body);
  if (!message.ok()) return respond(message.status());
  const auto routes = context_.routes.get();
  if (Status owned = check_owned(*routes, message->ns, message->slots); !owned.ok()) return respond(owned);
  if (Status knows = check_knows(message->ns, message->slots); !knows.ok()) return respond(knows);
  serve_lookup(*std::move(message), [version, respond = std::move(respond)](LookupAnswer answer) {
    if (!answer.ok()) return respond(answer.status());
    respond(encode(LookupReply{*std::move(answer)}, version));
  });
}

void Desk::serve_lookup(LookupMessage message, std::function<void(LookupAnswer)> done) {
  done = [this, ns = message.ns, done = std::move(done)](LookupAnswer answer) {
    if (answer.ok()) accesses_.note(ns, *answer);
    done(std::move(answer));
  };
  auto work = [&engine = context_.engine, message = std::move(message)] {
    engine::LookupRequest request;
    request.ns = message.ns;
    request.unit_vector = message.unit_vector;
    request.query_text = message.query_text;
    request.threshold = message.threshold;
    request.top_k = message.top_k;
    request.attributes = message.attributes.empty() ? nullptr : &message.attributes;
    request.only_this_namespace = message.only_this_namespace;
    request.count = message.count;
    request.slots = message.slots;
    return engine.lookup(request);
  };
  const int64_t started_ns = context_.loop.clock().steady_ns();
  if (!may_run_on_loop(started_ns)) return offload<LookupAnswer>(std::move(work), std::move(done));
  if (started_ns - window_start_ns_ >= kWindowNs) {
    window_start_ns_ = started_ns;
    window_busy_ns_ = 0;
  }
  LookupAnswer answer = work();
  window_busy_ns_ += context_.loop.clock().steady_ns() - started_ns;
  done(std::move(answer));
}

void Desk::insert(std::string_view body, uint16_t version, int64_t decide_by_ns, RespondFn respond) {
  auto message = decode<InsertMessage>(body);
  if (!message.ok()) return respond(message.status());
  const auto routes = context_.routes.get();
  for (const engine::InsertRequest& item : message->items) {
    if (Status owned = check_owned(*routes, item.ns, model::slot_bit(item.id)); !owned.ok()) {
      return respond(owned);
    }
  }
  for (engine::InsertRequest& item : message->items) item.decide_by_ns = decide_by_ns;
  owner_.insert_batch(std::move(message->items), [version, respond = std::move(respond)](
                                                     Owner::InsertResults results) {
    InsertReply reply;
    for (Result<std::string>& result : results) {
      reply.items.push_back(result.ok() ? ItemReply{{}, *std::move(result)} : ItemReply{result.status(), {}});
    }
    respond(encode(reply, version));
  });
}

void Desk::remove(std::string_view body, uint16_t version, int64_t decide_by_ns, RespondFn respond) {
  auto message = decode<RemoveMessage>(body);
  if (!message.ok()) return respond(message.status());
  auto territory = territory_of(context_, message->partitions, message->splits);
  if (!territory.ok()) return respond(territory.status());
  message->request.partitions = message->partitions;
  message->request.splits = std::move(territory->splits);
  message->request.decide_by_ns = decide_by_ns;
  owner_.remove(std::move(message->request),
                [version, respond = std::move(respond)](const Result<uint64_t>& removed) {
                  if (!removed.ok()) return respond(removed.status());
                  respond(encode(CountReply{*removed}, version));
                });
}

void Desk::drop_namespace(std::string_view body, uint16_t version, int64_t decide_by_ns, RespondFn respond) {
  auto message = decode<DropNamespaceMessage>(body);
  if (!message.ok()) return respond(message.status());
  const auto routes = context_.routes.get();
  if (Status owned = check_owned(*routes, message->ns, message->slots); !owned.ok()) return respond(owned);
  // Whoever asks by a ring to come, or by one that has gone, asks somebody who gets the writes of each.
  for (const auto& shard : routes->splits()->shards_of(model::namespace_hash(message->ns))) {
    if ((shard.slots & message->slots) == 0 || !routes->current().owns(routes->self(), shard.partition))
      continue;
    if (Status knows = check_partition(context_, *routes, shard.partition); !knows.ok())
      return respond(knows);
  }
  owner_.drop_namespace({std::move(message->ns), 0, decide_by_ns, message->slots},
                        [version, respond = std::move(respond)](const Result<uint64_t>& removed) {
                          if (!removed.ok()) return respond(removed.status());
                          respond(encode(CountReply{*removed}, version));
                        });
}

void Desk::invalidate(std::string_view body, uint16_t version, int64_t decide_by_ns, RespondFn respond) {
  auto message = decode<InvalidateMessage>(body);
  if (!message.ok()) return respond(message.status());
  auto territory = territory_of(context_, message->partitions, message->splits);
  if (!territory.ok()) return respond(territory.status());
  message->request.partitions = message->partitions;
  message->request.splits = std::move(territory->splits);
  message->request.decide_by_ns = decide_by_ns;
  if (version >= kInvalidatePartsSince) {
    message->request.ids_max = message->request.dry_run ? kWireIdsMax : kWireItemsMax;
  }
  owner_.invalidate(std::move(message->request),
                    [version, respond = std::move(respond)](Result<std::vector<std::string>> ids) {
                      if (!ids.ok()) return respond(ids.status());
                      respond(encode(IdsReply{*std::move(ids)}, version));
                    });
}

void Desk::find(std::string_view body, uint16_t version, RespondFn respond) {
  auto message = decode<FindMessage>(body);
  if (!message.ok()) return respond(message.status());
  const auto territory = territory_of(context_, message->partitions, message->splits);
  if (!territory.ok()) return respond(territory.status());
  FindReply reply;
  for (store::EntryView& entry : context_.engine.find(message->id, message->with_vector)) {
    if (territory->holds(entry.ns, entry.id)) reply.entries.push_back(std::move(entry));
  }
  respond(encode(reply, version));
}

template <typename Message, typename Reply>
void Desk::scan(std::string_view body, uint16_t version, RespondFn respond,
                Reply (*read)(const engine::Engine&, const Message&, const model::Territory&)) {
  auto message = decode<Message>(body);
  if (!message.ok()) return respond(message.status());
  auto territory = territory_of(context_, message->partitions, message->splits);
  if (!territory.ok()) return respond(territory.status());
  auto work = [&engine = context_.engine, version, read, message = *std::move(message),
               territory = *std::move(territory)]() -> Result<std::string> {
    return encode(read(engine, message, territory), version);
  };
  offload<Result<std::string>>(std::move(work), std::move(respond));
}

void Desk::count_entries(std::string_view body, uint16_t version, RespondFn respond) {
  scan<CountEntriesMessage, CountReply>(
      body, version, std::move(respond),
      [](const engine::Engine& engine, const CountEntriesMessage&, const model::Territory& territory) {
        const store::Store& store = engine.store();
        CountReply reply;
        if (store.namespace_count() <= kExactCountNamespaces) {
          for (const auto& ns : store.namespaces(engine.now_ms(), {}, {}, kExactCountNamespaces, &territory))
            reply.count += ns.entry_count;
          return reply;
        }
        for (size_t p = 0; p < model::kPartitions; ++p) {
          if (!territory.partitions.test(p)) continue;
          reply.count += store.area_entries({static_cast<uint16_t>(p), territory.splits.get()});
        }
        return reply;
      });
}

void Desk::list_namespaces(std::string_view body, uint16_t version, RespondFn respond) {
  scan<ListNamespacesMessage, ListNamespacesReply>(
      body, version, std::move(respond),
      [](const engine::Engine& engine, const ListNamespacesMessage& message,
         const model::Territory& territory) {
        return ListNamespacesReply{engine.store().namespaces(engine.now_ms(), message.prefix, message.after,
                                                             message.limit, &territory)};
      });
}

void Desk::top_entries(std::string_view body, uint16_t version, RespondFn respond) {
  scan<TopEntriesMessage, TopEntriesReply>(
      body, version, std::move(respond),
      [](const engine::Engine& engine, const TopEntriesMessage& message, const model::Territory& territory) {
        return TopEntriesReply{
            engine.store().top_entries(engine.now_ms(), message.top, message.namespaces_max, &territory)};
      });
}

}  // namespace ferro::node::cluster
