#include "node/metrics/namespace_labels.h"

#include <algorithm>
#include <utility>

namespace ferro::node::metrics {

namespace {

using store::BaseTotals;
using store::NamespaceCounters;

uint64_t traffic_of(const NamespaceCounters& counters) {
  return counters.queries_hit + counters.queries_miss + counters.inserts;
}

// Applies `combine` to each counter of `a` and `b`.
template <typename Combine>
NamespaceCounters combined(const NamespaceCounters& a, const NamespaceCounters& b, Combine combine) {
  return {combine(a.queries_hit, b.queries_hit),
          combine(a.queries_miss, b.queries_miss),
          combine(a.inserts, b.inserts),
          combine(a.evictions, b.evictions),
          combine(a.expirations, b.expirations),
          combine(a.deletions, b.deletions),
          combine(a.invalidations, b.invalidations),
          combine(a.exact_match_hits, b.exact_match_hits),
          combine(a.cost_saved_nano, b.cost_saved_nano)};
}

// Never below zero: the totals are read one after the other while counting goes on.
NamespaceCounters minus(const NamespaceCounters& a, const NamespaceCounters& b) {
  return combined(a, b, [](uint64_t x, uint64_t y) { return x > y ? x - y : 0; });
}

NamespaceCounters larger(const NamespaceCounters& a, const NamespaceCounters& b) {
  return combined(a, b, [](uint64_t x, uint64_t y) { return std::max(x, y); });
}

struct Candidate {
  const BaseTotals* base = nullptr;  // null = a label whose namespace is gone
  std::string name;                  // of a label; otherwise printed when chosen
  uint64_t traffic = 0;
  bool labelled = false;

  // Who has a label keeps it unless somebody has a tenth more traffic: two equals must not swap at every
  // scrape.
  uint64_t weight() const noexcept { return labelled ? traffic + traffic / 10 : traffic; }
  bool before(const Candidate& other) const noexcept {
    if ((base != nullptr) != (other.base != nullptr)) return base != nullptr;
    if (weight() != other.weight()) return weight() > other.weight();
    if (labelled != other.labelled) return labelled;
    return base != nullptr ? base->number < other.base->number : name < other.name;
  }
};

}  // namespace

std::vector<NamespaceLabels::Series> NamespaceLabels::update(const std::vector<BaseTotals>& bases,
                                                             const NamespaceCounters& forgotten) {
  refresh(bases);
  choose(bases);
  for (const BaseTotals& base : bases) newest_number_ = std::max(newest_number_, base.number);

  std::vector<Series> series;
  series.reserve(labels_.size() + 1);
  for (const auto& [name, label] : labels_) series.push_back({name, label.entries, label.shown});
  Series rest = other(bases, forgotten);
  const bool is_needed =
      bases.size() > labels_.size() || rest.entries > 0 || !(rest.counters == NamespaceCounters{});
  if (is_needed || labels_max_ == 0) series.push_back(std::move(rest));
  return series;
}

// Brings the labels up to date with the totals.
void NamespaceLabels::refresh(const std::vector<BaseTotals>& bases) {
  for (auto& [name, label] : labels_) {
    label.alive = false;
    label.entries = 0;
  }
  if (labels_.empty()) return;
  std::map<uint64_t, Label*> by_number;
  for (auto& [name, label] : labels_) by_number.emplace(label.number, &label);
  for (const BaseTotals& base : bases) {
    Label* label = nullptr;
    if (const auto known = by_number.find(base.number); known != by_number.end()) {
      label = known->second;
    } else if (base.number > newest_number_) {
      // Maybe one that was forgotten and has come back: it counts from zero again, its label goes on.
      const auto same_name = labels_.find(model::printed_name(base.key));
      if (same_name == labels_.end()) continue;
      label = &same_name->second;
      label->number = base.number;
      label->carried = label->shown;
      label->hidden = {};
    } else {
      continue;
    }
    label->alive = true;
    label->entries = base.entries;
    label->traffic = traffic_of(base.counters);
    label->shown = minus(base.counters, label->hidden);
    label->shown += label->carried;
  }
}

// Gives the labels to whom they belong now: the most traffic, living namespaces before those that are gone.
void NamespaceLabels::choose(const std::vector<BaseTotals>& bases) {
  std::map<uint64_t, const std::string*> names;
  for (const auto& [name, label] : labels_) {
    if (label.alive) names.emplace(label.number, &name);
  }
  std::vector<Candidate> candidates;
  candidates.reserve(bases.size() + labels_.size());
  for (const BaseTotals& base : bases) {
    const auto name = names.find(base.number);
    const bool labelled = name != names.end();
    candidates.push_back(
        {&base, labelled ? *name->second : std::string(), traffic_of(base.counters), labelled});
  }
  for (const auto& [name, label] : labels_) {
    if (!label.alive) candidates.push_back({nullptr, name, label.traffic, true});
  }
  if (candidates.size() > labels_max_) {
    const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(labels_max_);
    std::nth_element(candidates.begin(), end, candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.before(b); });
    for (auto out = end; out != candidates.end(); ++out) {
      if (out->labelled) labels_.erase(out->name);
    }
    candidates.erase(end, candidates.end());
  }
  for (const Candidate& chosen : candidates) {
    if (chosen.labelled) continue;
    const BaseTotals& base = *chosen.base;
    Label label;
    label.number = base.number;
    label.entries = base.entries;
    label.traffic = chosen.traffic;
    label.alive = true;
    if (base.number <= newest_number_) label.hidden = base.counters;
    label.shown = minus(base.counters, label.hidden);
    labels_.emplace(model::printed_name(base.key), label);
  }
}

// All that no label shows.
NamespaceLabels::Series NamespaceLabels::other(const std::vector<BaseTotals>& bases,
                                               const NamespaceCounters& forgotten) {
  Series rest{kOther, 0, {}};
  NamespaceCounters all = forgotten, labelled;
  for (const BaseTotals& base : bases) {
    all += base.counters;
    rest.entries += base.entries;
  }
  for (const auto& [name, label] : labels_) {
    labelled += label.shown;
    rest.entries -= std::min(rest.entries, label.entries);
  }
  other_shown_ = larger(other_shown_, minus(all, labelled));
  rest.counters = other_shown_;
  return rest;
}

}  // namespace ferro::node::metrics
