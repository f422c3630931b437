#include "node/store/dump.h"

#include <algorithm>

#include "node/store/put_copy.h"

namespace ferro::node::store {

namespace {

// Entries encoded under one guard: by number and by bytes, so that neither many small nor few large ones hold
// up freeing for long.
constexpr size_t kPageEntries = 256;
constexpr size_t kPageBytes = 1U << 20;

const Entry& entry_of(const void* owner) noexcept {
  return *static_cast<const Entry*>(owner);
}

}  // namespace

Status Dump::run() {
  while (open_next_namespace()) {
    FERRO_RETURN_IF_ERROR(write_entries());
    FERRO_RETURN_IF_ERROR(write_graph());
  }
  return sink_.removal ? write_tombstones() : Status();
}

// Whatever is collected before its turn was over anyway. What is put again meanwhile may be written as
// deleted all the same: the log has the newer put.
Status Dump::write_tombstones() {
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
    for (const auto& gone : state_.tombstones.in_partition(partition, SIZE_MAX)) {
      FERRO_RETURN_IF_ERROR(write_tombstones_of(gone));
    }
  }
  return {};
}

Status Dump::write_tombstones_of(const Tombstones::OfNamespace& gone) {
  std::string encoded;
  for (const model::DropNamespaceOp& drop : state_.tombstones.drops_of(gone.ns)) {
    encoded.clear();
    model::encode(drop, encoded);
    FERRO_RETURN_IF_ERROR(sink_.removal(as_bytes(encoded)));
  }
  std::vector<model::DeleteOp> page;
  Tombstones::Cursor cursor;
  for (bool more = true; more;) {
    page.clear();
    more = state_.tombstones.next(gone.ns, cursor, kPageEntries, page);
    for (model::DeleteOp& deletion : page) {
      encoded.clear();
      model::encode(std::move(deletion), encoded);
      FERRO_RETURN_IF_ERROR(sink_.removal(as_bytes(encoded)));
    }
  }
  return {};
}

// Notes which entries the next namespace holds now. False when there is none.
bool Dump::open_next_namespace() {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const std::vector<NamespaceState*> next = state_.namespaces.list({}, name_, 1);
  if (next.empty()) return false;
  const NamespaceState& ns = *next.front();
  name_ = ns.name;
  key_ = ns.key;
  number_ = ns.number;
  ordinals_ = 0;
  items_.clear();
  written_.clear();
  const ReadView view = state_.view(now_ms_);
  ns.index->for_each_row([&](index::Row, const void* owner) {
    const Entry& entry = entry_of(owner);
    if (view.sees(entry)) items_.push_back({entry.version(), hash_id(entry.id())});
  });
  std::stable_sort(items_.begin(), items_.end(),
                   [](const Item& a, const Item& b) { return a.version < b.version; });
  return true;
}

Status Dump::write_entries() {
  std::get<model::PutOp>(scratch_).ns = key_;
  std::vector<std::string> page;
  for (size_t next = 0; next < items_.size();) {
    page.clear();
    next = encode_page(next, page);
    for (const std::string& encoded : page) FERRO_RETURN_IF_ERROR(sink_.entry(as_bytes(encoded)));
  }
  return {};
}

// Returns the next item to encode. What has died since it was noted is left out: the log says so.
size_t Dump::encode_page(size_t from, std::vector<std::string>& page) {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const ReadView view = state_.view(now_ms_);
  auto& op = std::get<model::PutOp>(scratch_);
  size_t bytes = 0;
  for (; from < items_.size() && page.size() < kPageEntries && bytes < kPageBytes; ++from) {
    const Entry* entry = state_.ids.find_version(number_, items_[from].id_hash, items_[from].version);
    if (entry == nullptr || !view.sees(*entry)) continue;
    copy_put(*entry, op);
    std::string encoded;
    model::encode(scratch_, encoded);
    bytes += encoded.size();
    page.push_back(std::move(encoded));
    const index::Row row = entry->row;  // once: the writer may move it meanwhile
    if (written_.size() <= row) written_.resize(row + 1);
    written_[row] = {entry->version(), ordinals_++};
  }
  return from;
}

Status Dump::write_graph() {
  std::string graph;
  {
    const sync::EpochDomain::Guard guard(state_.epochs);
    const NamespaceState* ns = state_.namespaces.find(key_);
    if (ns == nullptr || ns->number != number_) return {};
    // A row may have been given to another entry since: such a row is not in the snapshot.
    std::vector<uint32_t> ordinal_of(written_.size(), index::kNoRow);
    ns->index->for_each_row([&](index::Row row, const void* owner) {
      if (row < written_.size() && written_[row].version == entry_of(owner).version()) {
        ordinal_of[row] = written_[row].ordinal;
      }
    });
    ns->index->save_graph(
        [&](index::Row row) { return row < ordinal_of.size() ? ordinal_of[row] : index::kNoRow; }, graph);
  }
  return graph.empty() ? Status() : sink_.graph(key_, graph);
}

}  // namespace ferro::node::store
