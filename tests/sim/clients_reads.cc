// What clients ask, and how the answers are held against the model.
#include <algorithm>
#include <memory>
#include <utility>

#include "tests/sim/clients.h"

namespace ferro::sim {

namespace {

using node::cache::Reach;

constexpr int64_t kReadBoundMs = 20'000;
constexpr int64_t kCountBoundMs = 30'000;
constexpr float kOwnVector = 0.999F;

}  // namespace

void Clients::judge(const Asked& asked, const EntryName& entry, uint32_t seen, const char* how) {
  ++judged_;
  const std::string wrong = world_.model.judge(entry, seen, asked.from_us, asked.to_us, asked.orderly);
  if (wrong.empty()) return;
  world_.fail(std::string(how) + " #" + std::to_string(asked.number) + " (" + print_time(asked.from_us) +
                  " .. " + print_time(asked.to_us) + (asked.orderly ? ", in order" : ", in disorder") +
                  "): " + wrong,
              entry);
}

void Clients::lookup(Machine& machine, Then then) {
  const Written* const target = recent_write();
  if (target == nullptr) return then();
  auto query = std::make_shared<node::engine::LookupRequest>();
  auto vector = std::make_shared<std::vector<float>>(target->vector);
  auto text = std::make_shared<std::string>();
  size_t ns = target->entry.ns;
  // Through the conversation of that namespace, if it has one: its misses look in the base.
  const auto& all = catalog_.namespaces();
  if (!all[ns].is_conversation() && ns + 1 < all.size() && all[ns + 1].is_conversation() &&
      chance_.below(4) == 0) {
    ++ns;
  }
  query->ns = all[ns];
  query->threshold = kOwnVector;
  bool own = true;
  switch (chance_.below(4)) {
    case 0:  // its text and another vector
      *vector = random_vector(chance_);
      *text = target->query_text;
      break;
    case 1:  // something near it
      *vector = near_to(target->vector, chance_);
      query->threshold = 0.5F;
      query->top_k = 1 + chance_.below(5);
      own = false;
      break;
    default:
      break;
  }
  ask(
      machine, "lookup of #" + std::to_string(target->number) + " in namespace " + std::to_string(ns),
      kReadBoundMs,
      [this, &machine, query, vector, text, target, ns, own, then](uint32_t asked) {
        query->unit_vector = *vector;
        query->query_text = *text;
        machine.node().cache().lookup(
            *query, {},
            [this, asked, target, ns, own, then](const Result<node::engine::LookupResult>& result) {
              const auto answer = answered(asked, result.status());
              if (!answer) return;
              if (result.ok()) judge_hits(*answer, ns, target, own, *result);
              then();
            });
      },
      [then](uint32_t) { then(); });
}

void Clients::judge_hits(const Asked& asked, size_t ns, const Written* target, bool must_hit,
                         const node::engine::LookupResult& result) {
  bool hit = false, of_conversation = false;
  for (const node::store::Hit& one : result.hits) {
    const Written* const written = catalog_.shown(one.response, one.id);
    if (written == nullptr) return world_.fail("an answer that nobody wrote: " + one.response);
    const size_t shown_ns = written->entry.ns;
    if (shown_ns != ns && shown_ns != catalog_.base_of(ns)) {
      return world_.fail("an answer crossed namespaces: asked in " + std::to_string(ns) + ", shown " +
                         one.response);
    }
    of_conversation = of_conversation || (shown_ns == ns && catalog_.namespaces()[ns].is_conversation());
    hit = hit || written->number == target->number;
    if (!written->entry.id.empty()) judge(asked, written->entry, written->number, "lookup");
  }
  // A conversation's hits come instead of its base's.
  if (!must_hit || hit || !asked.orderly || target->entry.id.empty() || of_conversation) return;
  if (world_.model.certain(target->entry, asked.from_us, asked.to_us) == target->number) {
    world_.fail("lookup #" + std::to_string(asked.number) + " missed write " +
                    std::to_string(target->number) + ", which is there",
                target->entry);
  }
}

void Clients::find(Machine& machine, Then then) {
  EntryName entry = random_entry();
  const Written* const recent = recent_write();
  if (recent != nullptr && !recent->entry.id.empty() && chance_.below(2) == 0) entry = recent->entry;
  const bool in_namespace = chance_.below(3) != 0;
  node::cache::FindRequest request;
  request.id = entry.id;
  if (in_namespace) request.ns = catalog_.namespaces()[entry.ns];
  ask(
      machine, "find " + (in_namespace ? std::to_string(entry.ns) : "*") + "/" + entry.id, kReadBoundMs,
      [this, &machine, request, entry, in_namespace, then](uint32_t asked) {
        machine.node().cache().find(request, Reach::everywhere,
                                    [this, asked, entry, in_namespace,
                                     then](const Result<std::vector<node::store::EntryView>>& found) {
                                      const auto answer = answered(asked, found.status());
                                      if (!answer) return;
                                      if (found.ok()) judge_found(*answer, entry, in_namespace, *found);
                                      then();
                                    });
      },
      [then](uint32_t) { then(); });
}

void Clients::judge_found(const Asked& asked, const EntryName& entry, bool in_namespace,
                          const std::vector<node::store::EntryView>& found) {
  std::vector<uint32_t> seen(catalog_.namespaces().size(), 0);
  for (const node::store::EntryView& view : found) {
    const auto ns = catalog_.index_of(view.ns);
    const Written* const written = catalog_.shown(view.response, view.id);
    if (!ns || written == nullptr || written->entry.ns != *ns || view.id != entry.id ||
        (in_namespace && *ns != entry.ns)) {
      return world_.fail("find of " + entry.id + " shows " + view.response + " of another place");
    }
    if (seen[*ns] != 0) return world_.fail("find shows an entry twice", EntryName{*ns, entry.id});
    seen[*ns] = written->number;
  }
  for (size_t ns = 0; ns < seen.size(); ++ns) {
    if (!in_namespace || ns == entry.ns) judge(asked, {ns, entry.id}, seen[ns], "find");
  }
}

void Clients::count(Machine& machine, Then then) {
  ask(
      machine, "count entries", kCountBoundMs,
      [this, &machine, then](uint32_t asked) {
        machine.node().cache().count_entries([this, asked, then](const Result<uint64_t>& counted) {
          if (!answered(asked, counted.status())) return;
          if (counted.ok() && *counted > catalog_.all().size())
            world_.fail("more entries than were ever written");
          then();
        });
      },
      [then](uint32_t) { then(); });
}

}  // namespace ferro::sim
