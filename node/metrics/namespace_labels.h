// Decides which base namespaces have a label of their own in metrics and what each label shows, so that the
// number of labels is bounded, no counter ever decreases, and the labels always add up to everything counted.
//
// A namespace that gets its own label after it was part of `_other` starts at 0 there: what was counted
// before stays in
// `_other`. One that loses its label goes to `_other` with all it had shown. One that is gone keeps its
// label, at rest, as long as the place is not needed. Not thread-safe; owned by Metrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "node/store/store.h"

namespace ferro::node::metrics {

class NamespaceLabels {
 public:
  static constexpr const char* kOther = "_other";

  struct Series {
    std::string label;  // the printed name, or kOther
    uint64_t entries = 0;
    store::NamespaceCounters counters;
  };

  explicit NamespaceLabels(size_t labels_max) : labels_max_(labels_max) {}

  // What to show for these totals, in order of label. `bases` and `forgotten` as of Store::base_totals, in
  // the order in which they were taken.
  std::vector<Series> update(const std::vector<store::BaseTotals>& bases,
                             const store::NamespaceCounters& forgotten);

 private:
  struct Label {
    uint64_t number = 0;               // BaseTotals::number of what it stands for
    store::NamespaceCounters hidden;   // counted before it had the label: part of _other
    store::NamespaceCounters carried;  // shown for an earlier base of the same name
    store::NamespaceCounters shown;
    uint64_t entries = 0;
    uint64_t traffic = 0;  // of the base, hidden part included: what labels are given by
    bool alive = false;    // in the latest totals
  };

  void refresh(const std::vector<store::BaseTotals>& bases);
  void choose(const std::vector<store::BaseTotals>& bases);
  Series other(const std::vector<store::BaseTotals>& bases, const store::NamespaceCounters& forgotten);

  const size_t labels_max_;
  std::map<std::string, Label> labels_;  // by printed name; at most labels_max_
  uint64_t newest_number_ = 0;           // of all bases seen: a higher one was never part of _other
  store::NamespaceCounters other_shown_;
};

}  // namespace ferro::node::metrics
