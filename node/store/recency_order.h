// Entries in the order in which they would be evicted, by the value that the policy gave when last asked.
//
// Hits touch only atomics of the entry, never this order. Since an access never lowers a value, a remembered
// value is a lower bound: the entry that stands first is the right victim if its value still holds, and moves
// back otherwise. So the order is exact though nobody maintains it on the way. Writer only; keeps one order
// for the node (with a byte budget) and one in each namespace (with a cap), and neither when nothing can ever
// be evicted.
#pragma once

#include <boost/intrusive/set.hpp>
#include <memory>

#include "node/store/eviction_policy.h"
#include "node/store/namespace_state.h"

namespace ferro::node::store {

class RecencyOrder {
 public:
  RecencyOrder(std::unique_ptr<EvictionPolicy> policy, bool for_node, bool for_namespaces)
      : policy_(std::move(policy)), for_node_(for_node), for_namespaces_(for_namespaces) {}

  void link(Entry& entry);
  // Does nothing if the entry stands in no order.
  void unlink(Entry& entry);

  // Who goes first: of the node, of one namespace. Null if the order is empty.
  Entry* first();
  Entry* first(NamespaceState& ns);
  // The same of some of its slots: passes over the others.
  Entry* first(NamespaceState& ns, model::SlotSet slots);

 private:
  using NodeSet = bi::set<Entry, bi::member_hook<Entry, TreeHook, &Entry::in_recency>,
                          bi::compare<ByRecencyValue>, bi::constant_time_size<false>>;

  template <typename Set>
  Entry* first_of(Set& set);
  int64_t value_of(const Entry& entry) const noexcept;

  const std::unique_ptr<EvictionPolicy> policy_;
  const bool for_node_;
  const bool for_namespaces_;
  NodeSet of_node_;
};

}  // namespace ferro::node::store
