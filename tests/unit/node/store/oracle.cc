#include "tests/unit/node/store/oracle.h"

#include <algorithm>
#include <set>

#include "node/model/text.h"

namespace ferro::node::store {

bool has_all(const model::PutOp& op, const model::Attributes* wanted) {
  return wanted == nullptr || std::all_of(wanted->begin(), wanted->end(), [&](const auto& pair) {
           return std::find(op.attributes.begin(), op.attributes.end(), pair) != op.attributes.end();
         });
}

double cosine(const std::vector<float>& a, std::span<const float> b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// Returns how many of those removed were live.
template <typename Matches>
uint64_t Oracle::erase(Matches&& matches, int64_t now_ms, size_t& gone) {
  uint64_t live = 0;
  gone = std::erase_if(entries_, [&](const Stored& entry) {
    if (!matches(entry.op)) return false;
    if (entry.live(now_ms)) ++live;
    return true;
  });
  return live;
}

ApplyResult Oracle::apply(const model::Operation& op, int64_t now_ms) {
  if (const auto* it = std::get_if<model::PutOp>(&op)) return put(*it, now_ms);
  ApplyResult result;
  size_t gone = 0;
  if (const auto* it = std::get_if<model::DeleteOp>(&op)) {
    result.removed = erase(
        [&](const model::PutOp& entry) {
          return entry.ns == it->ns && entry.id == it->id && entry.version <= it->version;
        },
        now_ms, gone);
  } else {
    const auto& drop = std::get<model::DropNamespaceOp>(op);
    result.removed =
        erase([&](const model::PutOp& entry) { return entry.ns == drop.ns && entry.version <= drop.version; },
              now_ms, gone);
  }
  if (gone > 0) result.outcome = ApplyOutcome::removed;
  return result;
}

ApplyResult Oracle::put(const model::PutOp& op, int64_t now_ms) {
  bool newer_of_id = false;
  bool conflict = false;
  bool newer_conflict = false;
  bool replaces = false;
  for (const Stored& entry : entries_) {
    if (entry.op.ns != op.ns) continue;
    if (entry.op.id == op.id) {
      replaces = true;
      newer_of_id |= entry.op.version >= op.version;
    }
    if (entry.op.vector.size() != op.vector.size()) {
      conflict = true;
      newer_conflict |= entry.op.version > op.version;
    }
  }
  if (newer_of_id || newer_conflict) return {};
  size_t gone = 0;
  ApplyResult result;
  result.outcome = replaces ? ApplyOutcome::replaced : ApplyOutcome::inserted;
  result.removed =
      erase([&](const model::PutOp& entry) { return entry.ns == op.ns && (conflict || entry.id == op.id); },
            now_ms, gone);
  entries_.push_back({op});
  return result;
}

std::vector<const Oracle::Stored*> Oracle::live_of(const model::NamespaceKey& ns, int64_t now_ms) const {
  std::vector<const Stored*> out;
  for (const Stored& entry : entries_) {
    if (entry.op.ns == ns && entry.live(now_ms)) out.push_back(&entry);
  }
  return out;
}

size_t Oracle::dimension_of(const model::NamespaceKey& ns, int64_t now_ms) const {
  const auto live = live_of(ns, now_ms);
  return live.empty() ? 0 : live.front()->op.vector.size();
}

const Oracle::Stored* Oracle::exact(const QueryRequest& request) const {
  std::string wanted;
  model::normalise_text(request.query_text, wanted);
  const Stored* best = nullptr;
  for (const Stored* entry : live_of(request.ns, request.now_ms)) {
    std::string text;
    model::normalise_text(entry->op.query_text, text);
    if (wanted.empty() || text != wanted || !has_all(entry->op, request.attributes)) continue;
    if (best == nullptr || entry->op.version > best->op.version) best = entry;
  }
  return best;
}

std::vector<const Oracle::Stored*> Oracle::find(const std::string& id, int64_t now_ms) const {
  std::vector<const Stored*> out;
  for (const Stored& entry : entries_) {
    if (entry.op.id == id && entry.live(now_ms)) out.push_back(&entry);
  }
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->op.version > b->op.version; });
  return out;
}

size_t Oracle::live_entries(int64_t now_ms) const {
  return static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(),
                                           [&](const Stored& entry) { return entry.live(now_ms); }));
}

std::vector<std::string> Oracle::names(int64_t now_ms) const {
  std::set<std::string> names;
  for (const Stored& entry : entries_) {
    if (entry.live(now_ms)) names.insert(model::printed_name(entry.op.ns));
  }
  return {names.begin(), names.end()};
}

}  // namespace ferro::node::store
