#include "tests/sim/settled.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace ferro::sim {

using node::cache::Reach;
using node::engine::LookupResult;
using node::store::EntryView;

namespace {

// Beyond what a stamp may be ahead (so long a copy is refused), the time to notice deaths, and several rounds
// of comparing.
constexpr int64_t kWholeWithinMs = 300'000;
constexpr int64_t kLookEveryMs = 250;
constexpr int64_t kCallWithinMs = 20'000;
constexpr size_t kEntriesThroughEveryNode = 12;
constexpr size_t kParityLookups = 12;
constexpr int kAttempts = 4;

}  // namespace

Settled::Settled(World& world, const Catalog& catalog)
    : world_(world), catalog_(catalog), chance_(world.timeline.chance().next()) {}

int64_t Settled::await_whole() {
  const int64_t from_ms = world_.timeline.now_ms();
  std::string why = "it was never looked at";
  while (!world_.failed() && world_.timeline.now_ms() - from_ms < kWholeWithinMs) {
    world_.timeline.run_for_ms(kLookEveryMs);
    why = world_.why_not_whole(true);
    if (why.empty() && world_.calm.is_calm() && world_.requests.open() == 0) break;
    if (why.empty()) why = std::to_string(world_.requests.open()) + " requests are open";
  }
  const int64_t took_ms = world_.timeline.now_ms() - from_ms;
  if (took_ms >= kWholeWithinMs) {
    world_.fail("not whole " + std::to_string(took_ms) + " ms after the last fault: " + why);
  }
  world_.model.settle(world_.timeline.now_us());
  return took_ms;
}

void Settled::check_copies() {
  for (const EntryName& name : world_.model.entries()) {
    if (world_.failed()) return;
    check_entry(name);
  }
}

// In the memory of every node: as many copies as there ought to be, of the write that the model expects.
void Settled::check_entry(const EntryName& name) {
  const int64_t now_us = world_.timeline.now_us();
  const auto& ns = catalog_.namespaces()[name.ns];
  size_t copies = 0;
  uint32_t seen = 0;
  for (Machine* machine : world_.present()) {
    for (const EntryView& view : machine->engine().find(name.id, false)) {
      if (view.ns != ns) continue;
      const Written* const written = catalog_.shown(view.response, view.id);
      const uint32_t number = written == nullptr ? 0 : written->number;
      const std::string wrong = number == 0 ? "an entry that nobody wrote: " + view.response
                                            : world_.model.judge(name, number, now_us, now_us, true);
      if (!wrong.empty()) return world_.fail("after all is over, on " + machine->name() + ": " + wrong, name);
      if (copies > 0 && number != seen)
        return world_.fail("two nodes hold different writes of an entry", name);
      seen = number;
      ++copies;
    }
  }
  if (copies == 0) {
    const std::string wrong = world_.model.judge(name, 0, now_us, now_us, true);
    if (!wrong.empty()) world_.fail("after all is over, on every node: " + wrong, name);
  } else if (copies != world_.factor() && !world_.model.may_expire(name, now_us)) {
    world_.fail("after all is over there are " + std::to_string(copies) + " copies of an entry, not " +
                    std::to_string(world_.factor()),
                name);
  }
}

void Settled::check_answers() {
  const auto entries = world_.model.entries();
  for (size_t i = 0; i < kEntriesThroughEveryNode && !entries.empty(); ++i) {
    const EntryName& name = entries[chance_.below(entries.size())];
    for (Machine* machine : world_.present()) {
      if (world_.failed()) return;
      check_through(*machine, name);
    }
  }
  check_parity();
  check_totals();
}

template <typename T>
std::optional<T> Settled::call(const Machine& machine, const std::string& what,
                               const std::function<void(node::engine::Done<T>)>& send) {
  auto answer = std::make_shared<std::optional<Result<T>>>();
  send([answer](Result<T> result) { answer->emplace(std::move(result)); });
  world_.timeline.run_until([&] { return answer->has_value(); }, kCallWithinMs);
  if (!answer->has_value()) {
    world_.fail("after all is over: no answer to " + what + " through " + machine.name());
    return std::nullopt;
  }
  if (!(*answer)->ok()) {
    world_.fail("after all is over: " + what + " through " + machine.name() + ": " +
                (*answer)->status().to_string());
    return std::nullopt;
  }
  return *std::move(**answer);
}

void Settled::check_through(Machine& machine, const EntryName& name) {
  node::cache::FindRequest request;
  request.id = name.id;
  request.ns = catalog_.namespaces()[name.ns];
  const int64_t from_us = world_.timeline.now_us();
  const auto found = call<std::vector<EntryView>>(machine, "find", [&](auto done) {
    machine.node().cache().find(request, Reach::everywhere, std::move(done));
  });
  if (!found) return;
  uint32_t seen = 0;
  if (!found->empty()) {
    const Written* const written = catalog_.shown(found->front().response, name.id);
    seen = written == nullptr ? UINT32_MAX : written->number;
  }
  const std::string wrong = world_.model.judge(name, seen, from_us, world_.timeline.now_us(), true);
  if (!wrong.empty()) world_.fail("after all is over, found through " + machine.name() + ": " + wrong, name);
}

std::string Settled::lookup_text(Machine& machine, const node::engine::LookupRequest& request) {
  const auto result = call<LookupResult>(
      machine, "lookup", [&](auto done) { machine.node().cache().lookup(request, {}, std::move(done)); });
  if (!result) return "";
  std::string text = result->from_conversation ? "conversation:" : ":";
  for (const node::store::Hit& hit : result->hits) {
    text += " " + hit.id + "=" + hit.response + "~" + std::to_string(hit.similarity) +
            (hit.exact_match ? "!" : "");
  }
  return text;
}

// The same question to every node, with near-duplicates, conversations and exact texts.
void Settled::check_parity() {
  const auto& all = catalog_.all();
  for (size_t i = 0; i < kParityLookups && !all.empty(); ++i) {
    const Written& about = all[all.size() - 1 - chance_.below(std::min<size_t>(all.size(), 100))];
    const std::vector<float> vector = near_to(about.vector, chance_);
    node::engine::LookupRequest request;
    request.ns = catalog_.namespaces()[chance_.below(3) == 0 ? chance_.below(catalog_.namespaces().size())
                                                             : about.entry.ns];
    request.unit_vector = vector;
    if (chance_.below(3) == 0) request.query_text = about.query_text;
    request.threshold = 0.3F;
    request.top_k = 1 + chance_.below(6);
    if (!answered_alike(request)) return;
  }
}

// Asked again when something may have expired between two nodes.
bool Settled::answered_alike(const node::engine::LookupRequest& request) {
  std::string answers;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::set<std::string> different;
    answers.clear();
    for (Machine* machine : world_.present()) {
      const std::string text = lookup_text(*machine, request);
      if (world_.failed()) return false;
      different.insert(text);
      answers += "\n  " + machine->name() + " " + text;
    }
    if (different.size() <= 1) return true;
  }
  world_.fail("after all is over nodes answer one lookup differently:" + answers);
  return false;
}

std::optional<uint64_t> Settled::total_of(Machine& machine) {
  const auto count = call<uint64_t>(
      machine, "count", [&](auto done) { machine.node().cache().count_entries(std::move(done)); });
  const auto list = call<node::cache::NamespaceList>(machine, "list", [&](auto done) {
    machine.node().cache().list_namespaces({"", "", 1000}, std::move(done));
  });
  if (!count || !list) return std::nullopt;
  uint64_t listed = 0;
  for (const auto& ns : *list) listed += ns.entry_count;
  return listed == *count ? count : UINT64_MAX;
}

// Every node counts and lists the same; again if something expired meanwhile.
void Settled::check_totals() {
  std::string text;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::set<uint64_t> totals;
    text.clear();
    for (Machine* machine : world_.present()) {
      const auto total = total_of(*machine);
      if (!total) return;
      totals.insert(*total);
      text += " " + machine->name() + " " + std::to_string(*total);
    }
    if (totals.size() == 1 && *totals.begin() != UINT64_MAX) return;
  }
  world_.fail("after all is over nodes count differently, or not what they list:" + text);
}

}  // namespace ferro::sim
