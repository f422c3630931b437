#include "node/store/batch_plan.h"

#include <algorithm>

#include "node/store/id_index.h"

namespace ferro::node::store {

BatchPlan::OfNamespace BatchPlan::of(const model::NamespaceKey& ns) const {
  const auto found = of_namespace_.find(ns);
  return found == of_namespace_.end() ? OfNamespace{} : found->second;
}

void BatchPlan::add_put(const model::PutOp& op, uint64_t bytes) {
  puts_.push_back({op.ns, op.id, op.version, bytes});
  put_of_id_.emplace(hash_id(op.id), std::prev(puts_.end()));
  OfNamespace& ns = of_namespace_[op.ns];
  ++ns.puts;
  ns.dimension = op.vector.size();
  growth_ += static_cast<int64_t>(bytes);
}

void BatchPlan::add_leaving(Entry& entry, uint64_t bytes, bool live) {
  entry.leaving = true;
  leaving_.emplace(&entry, Leaving{bytes, live});
  if (live) ++of_namespace_[entry.ns->key].leaving_live;
  growth_ -= static_cast<int64_t>(bytes);
}

std::optional<EntryRef> BatchPlan::cancel_oldest(const model::NamespaceKey* ns) {
  const auto oldest = std::find_if(puts_.begin(), puts_.end(),
                                   [&](const Put& put) { return ns == nullptr || put.ns == *ns; });
  if (oldest == puts_.end()) return std::nullopt;
  EntryRef ref{oldest->ns, oldest->id, oldest->version};
  erase(oldest);
  return ref;
}

void BatchPlan::cancel(const model::NamespaceKey& ns, std::string_view id) {
  if (const auto put = find(ns, id); put != puts_.end()) erase(put);
}

void BatchPlan::applied(const model::PutOp& op) {
  const auto put = find(op.ns, op.id);
  if (put == puts_.end() || put->version != op.version) return;
  erase(put);
  forget_if_done();
}

void BatchPlan::died(Entry& entry) {
  const auto found = leaving_.find(&entry);
  if (found == leaving_.end()) return;
  growth_ += static_cast<int64_t>(found->second.bytes);
  if (found->second.live) --of_namespace_[entry.ns->key].leaving_live;
  leaving_.erase(found);
  forget_if_done();
}

std::vector<Entry*> BatchPlan::clear() {
  std::vector<Entry*> staying;
  for (const auto& [entry, leaving] : leaving_) {
    entry->leaving = false;
    staying.push_back(entry);
  }
  leaving_.clear();
  put_of_id_.clear();
  puts_.clear();
  forget_if_done();
  return staying;
}

BatchPlan::Puts::iterator BatchPlan::find(const model::NamespaceKey& ns, std::string_view id) {
  const auto [first, last] = put_of_id_.equal_range(hash_id(id));
  for (auto at = first; at != last; ++at) {
    if (at->second->id == id && at->second->ns == ns) return at->second;
  }
  return puts_.end();
}

void BatchPlan::erase(Puts::iterator put) {
  growth_ -= static_cast<int64_t>(put->bytes);
  --of_namespace_[put->ns].puts;
  const auto [first, last] = put_of_id_.equal_range(hash_id(put->id));
  put_of_id_.erase(std::find_if(first, last, [&](const auto& pair) { return pair.second == put; }));
  puts_.erase(put);
}

void BatchPlan::forget_if_done() {
  if (!puts_.empty() || !leaving_.empty()) return;
  of_namespace_.clear();
  growth_ = 0;
}

}  // namespace ferro::node::store
