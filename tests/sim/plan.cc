#include "tests/sim/plan.h"

#include <algorithm>
#include <array>

namespace ferro::sim {

namespace {

using fakes::Chance;
using node::cluster::WriteConsistency;

struct Weight {
  Fault fault;
  uint64_t weight;
};

constexpr std::array<Weight, 18> kAllFaults{{
    {Fault::lossy, 8},
    {Fault::partition, 9},
    {Fault::one_way, 7},
    {Fault::reset, 5},
    {Fault::kill, 8},
    {Fault::power_cut, 8},
    {Fault::power_cut_torn, 6},
    {Fault::disk_lost, 6},
    {Fault::disk_full, 4},
    {Fault::disk_failing, 4},
    {Fault::slow_disk, 5},
    {Fault::clock_step, 5},
    {Fault::suspend, 7},
    {Fault::restart, 9},
    {Fault::add, 6},
    {Fault::drain_cancelled, 5},
    {Fault::drain, 4},
    {Fault::remove, 4},
}};

template <typename T>
T pick(Chance& chance, std::initializer_list<T> values) {
  return *(values.begin() + chance.below(values.size()));
}

int64_t between(Chance& chance, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(chance.below(static_cast<uint64_t>(high - low + 1)));
}

Fault pick_fault(Chance& chance, const std::vector<Weight>& weights) {
  uint64_t sum = 0;
  for (const Weight& weight : weights) sum += weight.weight;
  uint64_t at = chance.below(sum);
  for (const Weight& weight : weights) {
    if (at < weight.weight) return weight.fault;
    at -= weight.weight;
  }
  return weights.back().fault;
}

// A few kinds a seed, so that each meets others often and itself too.
std::vector<Weight> faults_of_seed(Chance& chance, const Plan& plan) {
  std::vector<Weight> all(kAllFaults.begin(), kAllFaults.end());
  std::erase_if(all, [&](const Weight& weight) {
    const bool loses_disk = weight.fault == Fault::disk_lost || weight.fault == Fault::remove;
    if (loses_disk && plan.factor == 1) return true;  // the only copy
    // Deletes are given up early: what was away for longer is dropped, so there must be other copies.
    return loses_disk && plan.tombstone_retention_ms < 600'000;
  });
  if (chance.below(8) == 0)
    std::erase_if(all, [](const Weight& weight) { return !is_planned(weight.fault); });
  const size_t kinds = 2 + chance.below(5);
  while (all.size() > kinds) all.erase(all.begin() + static_cast<ptrdiff_t>(chance.below(all.size())));
  return all;
}

int64_t amount_of(Chance& chance, Fault fault) {
  switch (fault) {
    case Fault::lossy:
      return between(chance, 1'000, 300'000);
    case Fault::slow_disk:
      return pick<int64_t>(chance, {5'000, 50'000, 300'000, 1'500'000});
    case Fault::clock_step: {
      const auto by_ms = pick<int64_t>(chance, {50, 1'000, 10'000, 45'000, 75'000, 150'000});
      return chance.below(2) == 0 ? by_ms : -by_ms;
    }
    case Fault::power_cut_torn:
    case Fault::disk_failing:
      return between(chance, 1, 30);
    case Fault::disk_full:
      return between(chance, 0, 20'000);  // bytes that are left
    default:
      return 0;
  }
}

Episode make_episode(Chance& chance, const Plan& plan, Fault fault, int64_t start_ms) {
  Episode episode;
  episode.fault = fault;
  episode.start_ms = start_ms;
  episode.duration_ms = chance.below(3) == 0 ? between(chance, 5'000, 20'000) : between(chance, 50, 5'000);
  episode.machines.push_back(chance.below(plan.nodes));
  if (fault == Fault::partition || fault == Fault::one_way) {
    for (size_t i = 0; i < plan.nodes; ++i) {
      if (i != episode.machines.front() && chance.below(3) == 0) episode.machines.push_back(i);
    }
    if (episode.machines.size() == plan.nodes) episode.machines.pop_back();
  }
  episode.amount = amount_of(chance, fault);
  return episode;
}

void draw_cluster(Chance& chance, Plan& plan, size_t nodes) {
  const auto drawn = pick<size_t>(chance, {3, 3, 3, 3, 4, 4, 5, 5, 6, 7, 9});
  plan.nodes = nodes == 0 ? drawn : nodes;
  plan.factor = pick<size_t>(chance, {2, 2, 2, 3, 3, 1});
  plan.consistency = pick(chance, {WriteConsistency::all, WriteConsistency::all, WriteConsistency::all,
                                   WriteConsistency::quorum, WriteConsistency::one});
  plan.gossip_interval_ms = pick<int64_t>(chance, {500, 500, 1000});
  plan.re_replicate_after_ms = pick<int64_t>(chance, {2000, 5000, 10'000});
  plan.repair_interval_ms = pick<int64_t>(chance, {3000, 10'000});
  plan.path.latency_us = pick<int64_t>(chance, {100, 100, 500, 5000});
  plan.path.jitter_us = pick<int64_t>(chance, {50, 300, 3000});
  plan.sync_us = pick<int64_t>(chance, {100, 500, 3000});
  plan.compact_interval_inserts = pick<uint64_t>(chance, {0, 20, 60});
  plan.wal_segment_bytes = pick<uint64_t>(chance, {4096, 65'536});
  for (size_t i = 0; i < plan.nodes; ++i) {
    plan.clock_offsets_ms.push_back(chance.below(2) == 0 ? 0 : between(chance, -40, 40));
  }
}

// From a stream of its own, so that seeds stay what they were. Deletes that are given up early can come back
// with whoever was away, unless others remember them.
void draw_lost_after_stop(Plan& plan) {
  Chance chance(Chance(plan.seed ^ 0x57093ULL).next());
  plan.lost_after_stop = chance.below(2) == 0 && plan.tombstone_retention_ms >= 600'000;
}

// From a stream of its own, and only for most even seeds, so that those that failed before there were splits
// stay what they were.
void draw_splits(Plan& plan) {
  if (plan.seed % 2 != 0 || plan.seed % 16 == 0) return;
  Chance chance(Chance(plan.seed ^ 0x5b117ULL).next());
  plan.split_entries = 2 + chance.below(9);
  plan.old_node = chance.below(16) == 0;
}

// The others may go on without it, split something, and a node of the old version cannot come back to that.
bool cuts_off(Fault fault) {
  return !is_planned(fault) && fault != Fault::reset && fault != Fault::slow_disk &&
         fault != Fault::disk_full;
}

}  // namespace

std::string_view to_string(Fault fault) noexcept {
  constexpr std::array<std::string_view, 18> kNames{
      "lossy",          "partition", "one-way",   "reset",         "kill",      "power cut",
      "torn power cut", "disk lost", "disk full", "disk fails",    "slow disk", "clock step",
      "suspend",        "restart",   "add",       "drain, cancel", "drain",     "remove"};
  return kNames.at(static_cast<size_t>(fault));
}

bool is_planned(Fault fault) noexcept {
  return fault == Fault::restart || fault == Fault::add || fault == Fault::drain_cancelled ||
         fault == Fault::drain;
}

Plan make_plan(uint64_t seed, size_t nodes) {
  Chance chance(Chance(seed).next());  // streams of neighbouring seeds must not overlap
  Plan plan;
  plan.seed = seed;
  draw_cluster(chance, plan, nodes);
  plan.sequential = chance.below(3) != 0;
  if (plan.sequential && chance.below(4) == 0) plan.tombstone_retention_ms = between(chance, 20'000, 60'000);
  plan.clients = 2 + chance.below(3);
  plan.think_ms = pick<int64_t>(chance, {50, 100, 200});
  plan.scopes = 1 + chance.below(3);
  plan.ids = 4 + chance.below(12);

  draw_splits(plan);
  draw_lost_after_stop(plan);

  const std::vector<Weight> weights = faults_of_seed(chance, plan);
  const size_t count = 1 + chance.below(plan.sequential ? 5 : 8);
  plan.faults_ms = plan.sequential ? 0 : between(chance, 10'000, 40'000);
  for (size_t i = 0; i < count; ++i) {
    const int64_t start_ms =
        plan.sequential ? between(chance, 200, 3000) : between(chance, 0, plan.faults_ms);
    plan.episodes.push_back(make_episode(chance, plan, pick_fault(chance, weights), start_ms));
  }
  if (plan.old_node) std::erase_if(plan.episodes, [](const Episode& it) { return cuts_off(it.fault); });
  if (!plan.sequential) {
    std::stable_sort(plan.episodes.begin(), plan.episodes.end(),
                     [](const Episode& a, const Episode& b) { return a.start_ms < b.start_ms; });
  }
  return plan;
}

std::string describe(const Episode& episode) {
  std::string text(to_string(episode.fault));
  text += " of";
  for (const size_t machine : episode.machines) text += " n" + std::to_string(machine + 1);
  text += " for " + std::to_string(episode.duration_ms) + " ms";
  if (episode.amount != 0) text += " (" + std::to_string(episode.amount) + ")";
  return text;
}

std::string describe(const Plan& plan) {
  constexpr std::array<std::string_view, 3> kConsistency{"one", "quorum", "all"};
  std::string text = "seed " + std::to_string(plan.seed) + ": " + std::to_string(plan.nodes) +
                     " nodes, factor " + std::to_string(plan.factor) + ", consistency " +
                     std::string(kConsistency.at(static_cast<size_t>(plan.consistency))) + ", gossip every " +
                     std::to_string(plan.gossip_interval_ms) + " ms, re-replicate after " +
                     std::to_string(plan.re_replicate_after_ms) + " ms, tombstones for " +
                     std::to_string(plan.tombstone_retention_ms) + " ms, " + std::to_string(plan.clients) +
                     " clients, one way " + std::to_string(plan.path.latency_us) + " us, " +
                     (plan.split_entries == 0 ? std::string()
                                              : "split beyond " + std::to_string(plan.split_entries) +
                                                    " entries" + (plan.old_node ? " but for n1, " : ", ")) +
                     (plan.lost_after_stop ? "disks are lost after a stop, " : "") +
                     (plan.sequential ? "one fault at a time" : "faults at any time") + "\n";
  for (const Episode& episode : plan.episodes) {
    text += "  planned: +" + std::to_string(episode.start_ms) + " ms " + describe(episode) + "\n";
  }
  return text;
}

}  // namespace ferro::sim
