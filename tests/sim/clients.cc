#include "tests/sim/clients.h"

#include <utility>

namespace ferro::sim {

namespace {

constexpr uint64_t kOneWayUsMax = 300;  // between a client and its node

}  // namespace

Clients::Clients(World& world)
    : world_(world), catalog_(world.plan.scopes), chance_(world.timeline.chance().next()) {}

void Clients::start() {
  for (size_t client = 0; client < world_.plan.clients; ++client) step(client);
}

void Clients::fill(Machine& machine, size_t writes) {
  for (size_t i = 0; i < writes; ++i) insert(machine, i % 4 != 0, [] {});
}

// Mostly a node that says it is ready, as a load balancer would; sometimes any.
Machine* Clients::choose_machine() {
  std::vector<Machine*> ready, running;
  for (Machine* machine : world_.present()) {
    if (machine->phase() != Machine::Phase::running) continue;
    running.push_back(machine);
    if (machine->takes_requests()) ready.push_back(machine);
  }
  auto& among = ready.empty() || chance_.below(20) == 0 ? running : ready;
  return among.empty() ? nullptr : among[chance_.below(among.size())];
}

Machine* Clients::another_machine(const Machine& than) {
  for (int tries = 0; tries < 8; ++tries) {
    Machine* const machine = choose_machine();
    if (machine != &than) return machine;
  }
  return nullptr;
}

EntryName Clients::random_entry() {
  return {chance_.below(catalog_.namespaces().size()), "k" + std::to_string(chance_.below(world_.plan.ids))};
}

const Written* Clients::recent_write() {
  const auto& all = catalog_.all();
  if (all.empty()) return nullptr;
  const uint64_t back = chance_.below(2) == 0 ? 20 : 200;
  const size_t among = std::min<size_t>(all.size(), back);
  return &all[all.size() - 1 - chance_.below(among)];
}

void Clients::step(size_t client) {
  const auto pause_ms =
      static_cast<int64_t>(1 + chance_.below(static_cast<uint64_t>(2 * world_.plan.think_ms)));
  world_.timeline.at(0, pause_ms * 1000, [this, client] {
    if (stopped_) return;
    Machine* const machine = choose_machine();
    const Then then = [this, client] { step(client); };
    if (machine == nullptr) return then();
    const uint64_t kind = chance_.below(100);
    if (kind < 28) return insert(*machine, kind < 24, then);
    if (kind < 31) return insert_batch(*machine, then);
    if (kind < 41) return remove(*machine, then);
    if (kind < 44) return remove_twice(*machine, then);
    if (kind < 45) return drop(*machine, then);
    if (kind < 47) return invalidate(*machine, then);
    if (kind < 85) return lookup(*machine, then);
    if (kind < 98) return find(*machine, then);
    count(*machine, then);
  });
}

uint32_t Clients::ask(Machine& machine, std::string what, int64_t bound_ms,
                      std::function<void(uint32_t)> send, std::function<void(uint32_t)> on_lost) {
  const uint32_t number = world_.requests.next_number();
  ++asked_;
  if (world_.log.verbose())
    world_.log.say("#" + std::to_string(number) + " " + machine.name() + " <- " + what);
  world_.requests.begin({number, &machine, std::move(what), world_.timeline.now_us(), bound_ms,
                         machine.takes_requests(),
                         [on_lost = std::move(on_lost), number] { on_lost(number); }});
  // Dropped with the process, held while it is stopped.
  world_.timeline.at(machine.loop().owner(), static_cast<int64_t>(chance_.below(kOneWayUsMax)),
                     [send = std::move(send), number] { send(number); });
  return number;
}

std::optional<Clients::Asked> Clients::answered(uint32_t number, const Status& status) {
  const auto request = world_.requests.end(number);
  if (!request) return std::nullopt;
  const int64_t now_us = world_.timeline.now_us();
  if (world_.log.verbose()) world_.log.say("#" + std::to_string(number) + " -> " + status.to_string());
  const bool orderly = world_.calm.orderly_over(request->invoked_us, now_us) && request->was_ready;
  Asked asked{number, request->invoked_us, now_us, orderly};
  if (!status.ok() && status.code() != StatusCode::not_found) {
    ++failures_;
    // With as few copies a majority needs them all.
    const bool needs_all =
        world_.plan.consistency == node::cluster::WriteConsistency::quorum && world_.factor() == 2;
    if (orderly && !needs_all) {
      world_.fail("a request failed though nothing but planned changes was going on: " + request->what +
                  " through " + request->machine->name() + ": " + status.to_string());
    }
  }
  return asked;
}

}  // namespace ferro::sim
