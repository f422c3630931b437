#include "node/cluster/core/access_tally.h"

#include <map>
#include <memory>
#include <utility>

#include "common/obs/log.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

// Different entries between two tellings, in whatever namespaces: with the longest names a message stays
// below ten megabytes. Reads of further ones are not told.
constexpr size_t kEntriesMax = 8192;

}  // namespace

void AccessTally::note(const model::NamespaceKey& asked, const engine::LookupResult& result) {
  if (result.hits.empty()) return;
  const bool of_base = asked.is_conversation() && !result.from_conversation;
  const std::lock_guard lock(mutex_);
  const bool full = entries_ >= kEntriesMax;
  const model::NamespaceKey ns = of_base ? asked.base() : asked;
  const auto known = noted_.find(ns);
  if (full && known == noted_.end()) return;
  Counts& counts = known != noted_.end() ? known->second : noted_[ns];
  for (const store::Hit& hit : result.hits) {
    if (const auto count = counts.find(hit.id); count != counts.end()) {
      ++count->second;
    } else if (entries_ < kEntriesMax) {
      counts.emplace(hit.id, 1);
      ++entries_;
    }
  }
}

void AccessTally::tell() {
  Tally noted;
  {
    const std::lock_guard lock(mutex_);
    noted.swap(noted_);
    entries_ = 0;
  }
  const auto routes = context_.routes.get();
  std::map<NodeId, AccessesMessage> messages;
  for (auto& [ns, counts] : noted) {
    const uint64_t hash = model::namespace_hash(ns);
    std::map<NodeId, std::vector<store::AccessCount>> shares;
    for (const auto& [id, count] : counts) {
      for (const NodeId* owner : routes->writers(hash, model::slot_bit(id))) {
        if (*owner != routes->self() && context_.available(*owner)) shares[*owner].push_back({id, count});
      }
    }
    for (auto& [owner, share] : shares) messages[owner].namespaces.push_back({ns, std::move(share)});
  }
  for (const auto& [owner, message] : messages) {
    context_.peers->send_one_way(owner, MessageType::accesses,
                                 encode(message, context_.peers->version_of(owner)));
  }
}

void AccessTally::take(std::string_view body) {
  auto told = decode<AccessesMessage>(body);
  if (!told.ok())
    return obs::debug("what a peer has read is not understood", {{"reason", told.status().message()}});
  context_.loop.offload([&engine = context_.engine, message = *std::move(told)] {
    for (const AccessesMessage::OfNamespace& of : message.namespaces)
      engine.store().touch(of.ns, of.entries, engine.now_ms());
  });
}

}  // namespace ferro::node::cluster
