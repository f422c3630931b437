// What clients change, and how the model hears of it.
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "tests/sim/clients.h"

namespace ferro::sim {

namespace {

using node::cache::Reach;

// Rounds of retries, each of two timeouts; wider where every owner is asked.
constexpr int64_t kWriteBoundMs = 40'000;
constexpr int64_t kScanBoundMs = 200'000;

Outcome outcome_of(const Status& status) {
  if (status.ok()) return Outcome::done;
  return status.code() == StatusCode::not_found ? Outcome::nothing : Outcome::doubt;
}

}  // namespace

Deed Clients::deed_of(uint32_t number, Act act, const Machine& machine) const {
  Deed deed;
  deed.number = number;
  deed.act = act;
  deed.invoked_us = world_.timeline.now_us();
  deed.machine = machine.name();
  return deed;
}

void Clients::end_deed(uint32_t number, const Status& status, bool sweeping,
                       const std::set<std::string>* sweeping_for) {
  world_.model.end(number, outcome_of(status), world_.timeline.now_us(), sweeping && status.ok(),
                   status.ok() ? "" : status.to_string(), sweeping_for);
}

void Clients::insert(Machine& machine, bool named, Then then) {
  const uint32_t number = world_.requests.next_number();
  EntryName name = random_entry();
  if (!named) name.id.clear();
  const Written& written = catalog_.write(number, name, chance_);
  auto request = std::make_shared<node::engine::InsertRequest>(catalog_.request_of(written));
  Deed deed = deed_of(number, Act::put, machine);
  if (named && chance_.below(8) == 0) {
    deed.ttl_ms = 500 + static_cast<int64_t>(chance_.below(20'000));
    request->ttl_ms = static_cast<uint64_t>(deed.ttl_ms);
  }
  if (named) world_.model.begin(name, deed);
  ask(
      machine, "insert #" + std::to_string(number) + " " + std::to_string(name.ns) + "/" + name.id,
      kWriteBoundMs,
      [this, &machine, request, deed, name, then](uint32_t asked) {
        machine.node().cache().insert(std::move(*request), Reach::everywhere,
                                      [this, asked, deed, name, then](const Result<std::string>& id) {
                                        if (!answered(asked, id.status())) return;
                                        if (name.id.empty() && id.ok()) {
                                          catalog_.name(deed.number, *id);
                                          world_.model.begin({name.ns, *id}, deed);
                                        }
                                        if (id.ok() && !name.id.empty() && *id != name.id)
                                          world_.fail("an insert answered another id: " + *id);
                                        end_deed(deed.number, id.status(), false);
                                        then();
                                      });
      },
      [this, deed, then](uint32_t) {
        end_deed(deed.number, Status::unavailable("the node died"), false);
        then();
      });
}

void Clients::insert_batch(Machine& machine, Then then) {
  const size_t count = 2 + chance_.below(6);
  auto requests = std::make_shared<std::vector<node::engine::InsertRequest>>();
  auto numbers = std::make_shared<std::vector<uint32_t>>();
  for (size_t i = 0; i < count; ++i) {
    const uint32_t number = world_.requests.next_number();
    const EntryName name = random_entry();
    requests->push_back(catalog_.request_of(catalog_.write(number, name, chance_)));
    numbers->push_back(number);
    world_.model.begin(name, deed_of(number, Act::put, machine));
  }
  ask(
      machine, "insert batch from #" + std::to_string(numbers->front()), kWriteBoundMs,
      [this, &machine, requests, numbers, then](uint32_t asked) {
        machine.node().cache().insert_batch(
            std::move(*requests), Reach::everywhere,
            [this, asked, numbers, then](const std::vector<Result<std::string>>& results) {
              Status worst;
              for (const auto& result : results) worst = result.ok() ? worst : result.status();
              if (!answered(asked, worst)) return;
              if (results.size() != numbers->size()) world_.fail("a batch has another number of answers");
              for (size_t i = 0; i < results.size(); ++i) end_deed((*numbers)[i], results[i].status(), false);
              then();
            });
      },
      [this, numbers, then](uint32_t) {
        for (const uint32_t number : *numbers) end_deed(number, Status::unavailable("the node died"), false);
        then();
      });
}

void Clients::send_remove(Machine& machine, const EntryName& entry, bool in_namespace,
                          std::function<void(const Asked*, const Status&)> done) {
  const uint32_t number = world_.requests.next_number();
  const Deed deed = deed_of(number, Act::remove, machine);
  if (in_namespace) {
    world_.model.begin(entry, deed);
  } else {
    for (size_t ns = 0; ns < catalog_.namespaces().size(); ++ns) world_.model.begin({ns, entry.id}, deed);
  }
  node::engine::RemoveRequest request;
  request.id = entry.id;
  if (in_namespace) request.ns = catalog_.namespaces()[entry.ns];
  ask(
      machine,
      "remove #" + std::to_string(number) + " " + (in_namespace ? std::to_string(entry.ns) : "*") + "/" +
          entry.id,
      kWriteBoundMs,
      [this, &machine, request, number, in_namespace, done](uint32_t asked) {
        machine.node().cache().remove(
            request, Reach::everywhere,
            [this, asked, number, in_namespace, done](const Result<uint64_t>& removed) {
              const auto answer = answered(asked, removed.status());
              if (!answer) return;
              // Over all namespaces the answer does not say where something was.
              end_deed(number, removed.status(), in_namespace || answer->orderly);
              done(&*answer, removed.status());
            });
      },
      [this, number, done](uint32_t) {
        const Status died = Status::unavailable("the node died");
        end_deed(number, died, false);
        done(nullptr, died);
      });
}

void Clients::remove(Machine& machine, Then then) {
  EntryName entry = random_entry();
  const Written* const recent = recent_write();
  if (recent != nullptr && !recent->entry.id.empty() && chance_.below(2) == 0) entry = recent->entry;
  send_remove(machine, entry, chance_.below(4) != 0, [then](const Asked*, const Status&) { then(); });
}

// Two at the same moment through two nodes: exactly one of them removes it.
void Clients::remove_twice(Machine& machine, Then then) {
  const Written* const recent = recent_write();
  Machine* const other = another_machine(machine);
  if (recent == nullptr || recent->entry.id.empty() || other == nullptr) return then();
  struct Race {
    int open = 2, removed = 0;
    uint64_t ring = 0;
    bool fair = true;
  };
  const EntryName entry = recent->entry;
  const int64_t from_us = world_.timeline.now_us();
  auto race = std::make_shared<Race>();
  race->ring = world_.ring_instant();
  race->fair = race->ring != 0 && world_.model.certain(entry, from_us, from_us) != 0 &&
               world_.model.untouched(entry, from_us, 0);
  const auto done = [this, race, entry, from_us, then](const Asked* asked, const Status& status) {
    const bool clear = status.ok() || status.code() == StatusCode::not_found;
    // While the ring changes two nodes may for a moment both decide.
    race->fair =
        race->fair && asked != nullptr && clear && world_.calm.calm_over(asked->from_us, asked->to_us);
    if (status.ok()) ++race->removed;
    if (--race->open > 0) return;
    // Nobody else came in between, and it was there to the end.
    const bool alone = world_.model.untouched(entry, from_us, 2) &&
                       !world_.model.may_expire(entry, world_.timeline.now_us());
    // So they may while a namespace is split, which nobody announces.
    race->fair = race->fair && world_.ring_instant() == race->ring;
    if (race->fair && alone && race->removed != 1) {
      world_.fail("two removals at once through two nodes: " + std::to_string(race->removed) + " succeeded",
                  entry);
    }
    then();
  };
  send_remove(machine, entry, true, done);
  send_remove(*other, entry, true, done);
}

void Clients::drop(Machine& machine, Then then) {
  const size_t ns = chance_.below(catalog_.namespaces().size());
  const uint32_t number = world_.requests.next_number();
  world_.model.begin_all({ns}, deed_of(number, Act::drop, machine));
  ask(
      machine, "drop #" + std::to_string(number) + " of namespace " + std::to_string(ns), kScanBoundMs,
      [this, &machine, ns, number, then](uint32_t asked) {
        machine.node().cache().drop_namespace(catalog_.namespaces()[ns],
                                              [this, asked, number, then](const Result<uint64_t>& dropped) {
                                                if (!answered(asked, dropped.status())) return;
                                                end_deed(number, dropped.status(), true);
                                                then();
                                              });
      },
      [this, number, then](uint32_t) {
        end_deed(number, Status::unavailable("the node died"), false);
        then();
      });
}

// By radius around a write, or by tag over all namespaces. It names what it removed, which in disorder may
// have been an older write than the newest.
void Clients::invalidate(Machine& machine, Then then) {
  const Written* const near = recent_write();
  if (near == nullptr) return then();
  const uint32_t number = world_.requests.next_number();
  node::engine::InvalidateRequest request;
  if (chance_.below(3) != 0) {
    request.radius = {catalog_.namespaces()[near->entry.ns], near->vector, 0.9F};
    world_.model.begin_all({near->entry.ns}, deed_of(number, Act::invalidate, machine));
  } else {
    request.selector = node::store::Selector{};
    request.selector->any_tag = {near->tag};
    std::vector<size_t> everywhere(catalog_.namespaces().size());
    for (size_t ns = 0; ns < everywhere.size(); ++ns) everywhere[ns] = ns;
    world_.model.begin_all(everywhere, deed_of(number, Act::invalidate, machine));
  }
  const bool by_radius = request.radius.has_value();
  ask(
      machine, "invalidate #" + std::to_string(number) + (by_radius ? " by radius" : " by tag"), kScanBoundMs,
      [this, &machine, request, number, by_radius, then](uint32_t asked) {
        machine.node().cache().invalidate(
            request, Reach::everywhere,
            [this, asked, number, by_radius, then](const Result<std::vector<std::string>>& ids) {
              const auto answer = answered(asked, ids.status());
              if (!answer) return;
              std::set<std::string> named;
              if (ids.ok() && by_radius) named.insert(ids->begin(), ids->end());
              end_deed(number, ids.status(), answer->orderly, &named);
              then();
            });
      },
      [this, number, then](uint32_t) {
        end_deed(number, Status::unavailable("the node died"), false);
        then();
      });
}

}  // namespace ferro::sim
