// The one place where the store changes. Writer thread only.
//
// A change is built beside what readers see, becomes visible at one instant (ReadView), and what died in it
// is buried, taken out of tables and index, when no reader from before is left, and freed when none can still
// stand on it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <optional>
#include <string>
#include <vector>

#include "node/store/store_state.h"

namespace ferro::node::store {

class Writer {
 public:
  explicit Writer(StoreState& state) : state_(state) {}
  // Frees everything. No reader may be inside the epoch domain.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  ApplyResult put(const model::PutOp& op, int64_t now_ms, Origin origin);
  ApplyResult remove(const model::DeleteOp& op, int64_t now_ms, Origin origin);
  ApplyResult drop(const model::DropNamespaceOp& op, int64_t now_ms, Origin origin);
  bool is_news(const model::Operation& op) const;
  size_t reap_expired(int64_t now_ms, size_t max);

  // Moves rows of an index together, a slice of it, while the budget is nearly used up and much of it is
  // spare. False if there is nothing (more) to do now.
  bool give_memory_back();

  std::optional<Store::Maintenance> begin_maintenance();
  Status load_graph(const model::NamespaceKey& key, Bytes graph);
  // What a new namespace of this key takes, as far as it can be known before.
  size_t namespace_bytes(const model::NamespaceKey& key) const noexcept;

 private:
  using MaintenanceQueue =
      bi::list<NamespaceState, bi::member_hook<NamespaceState, ListHook, &NamespaceState::in_maintenance>,
               bi::constant_time_size<false>>;
  using RoomyQueue =
      bi::list<NamespaceState, bi::member_hook<NamespaceState, ListHook, &NamespaceState::in_roomy>,
               bi::constant_time_size<false>>;

  uint64_t next_sequence() const noexcept { return state_.committed.load(std::memory_order_relaxed) + 1; }
  NamespaceState& open_namespace(const model::NamespaceKey& key, size_t dimension);
  void close_namespace(NamespaceState& ns);
  void free_namespace(NamespaceState* ns);
  bool is_old(const model::PutOp& op, const NamespaceState* ns, const Entry* old) const;
  NamespaceState& supersede(NamespaceState& ns, size_t dimension, int64_t now_ms, Origin origin,
                            ApplyResult& result);
  void link(NamespaceState& ns, const model::PutOp& op);
  void kill(Entry& entry);
  void kill_counted(Entry& entry, int64_t now_ms, std::atomic<uint64_t>& counter, Origin origin);
  void commit();
  void sum_up();
  void keep_slot_sums(NamespaceState& ns);
  void bury(Entry& entry);
  void refresh(NamespaceState& ns);
  static bool is_roomy(const NamespaceState& ns) noexcept;
  static size_t row_bytes(const NamespaceState& ns) noexcept;
  void touch(NamespaceState& ns);
  void finish_maintenance(const std::shared_ptr<index::VectorIndex>& index, const model::NamespaceKey& key,
                          uint64_t number, std::unique_ptr<index::MaintenanceJob> job);

  StoreState& state_;
  uint64_t namespaces_made_ = 0;
  size_t fresh_index_bytes_ = 1536;   // of the last index that got its first row, without the vector
  size_t retired_ = 0;                // since the last collect of our own
  std::string normalised_, encoded_;  // scratch
  MaintenanceQueue changed_;          // namespaces whose index may want work
  RoomyQueue roomy_;                  // namespaces whose index has much spare memory
  // --- the change under way ---
  Entry* born_ = nullptr;
  std::vector<Entry*> dead_;
  std::vector<NamespaceState*> touched_;
  std::vector<NamespaceState*> closed_;
};

}  // namespace ferro::node::store
