#include "node/cluster/core/routes.h"

#include <algorithm>

namespace ferro::node::cluster {

Routes::Routes(NodeId self, Ring current, std::vector<Ring> write_rings, uint64_t epoch,
               const std::function<bool(const NodeId&)>& is_ready)
    : self_(std::move(self)),
      current_(std::move(current)),
      write_rings_(std::move(write_rings)),
      epoch_(epoch) {
  ready_.reserve(current_->members().size());
  for (const RingMember& member : current_->members()) ready_.push_back(is_ready(member.id));
  if (is_ready(self_)) reads_here_ = current_->partitions_of(self_);
  for (const Ring& ring : write_rings_) {
    owned_in_.push_back(ring->partitions_of(self_));
    owns_here_ |= owned_in_.back();
  }
}

std::shared_ptr<const model::SplitTable> Routes::splits_of(uint64_t fingerprint) const {
  for (const Ring& ring : write_rings_) {
    if (ring->splits()->fingerprint() == fingerprint) return ring->splits();
  }
  return current_->splits()->fingerprint() == fingerprint ? current_->splits() : nullptr;
}

bool Routes::reads_here(uint64_t ns_hash, model::SlotSet slots) const {
  if (current_->splits()->degree_of(ns_hash) == 0) return reads_here_.test(model::home_of(ns_hash));
  for (const auto& shard : current_->splits()->shards_of(ns_hash)) {
    if ((shard.slots & slots) != 0 && !reads_here_.test(shard.partition)) return false;
  }
  return true;
}

bool Routes::owns_here(uint64_t ns_hash, model::SlotSet slots) const {
  for (size_t i = 0; i < write_rings_.size() && slots != 0; ++i) {
    if (write_rings_[i]->splits()->degree_of(ns_hash) == 0) {
      if (owned_in_[i].test(model::home_of(ns_hash))) return true;
      continue;
    }
    for (const auto& shard : write_rings_[i]->splits()->shards_of(ns_hash)) {
      if (owned_in_[i].test(shard.partition)) slots &= ~shard.slots;
    }
  }
  return slots == 0;
}

bool Routes::owns_here(const model::PartitionSet& partitions, const model::SplitTable& splits) const {
  model::PartitionSet others = partitions;
  for (size_t i = 0; i < write_rings_.size(); ++i) {
    if (write_rings_[i]->splits()->fingerprint() == splits.fingerprint()) others &= ~owned_in_[i];
  }
  return others.none();
}

Routes::Owners Routes::readers(uint16_t partition) const {
  Owners owners;
  for (const bool ready : {true, false}) {
    for (const uint16_t member : current_->owners(partition)) {
      if (ready_[member] == ready) owners.push_back(&current_->id(member));
    }
  }
  return owners;
}

Routes::Owners Routes::ready_readers(uint16_t partition) const {
  Owners owners;
  for (const uint16_t member : current_->owners(partition)) {
    if (ready_[member]) owners.push_back(&current_->id(member));
  }
  return owners;
}

Routes::Owners Routes::writers(uint64_t ns_hash, model::SlotSet slots) const {
  Owners owners;
  const auto add = [&owners](const Placement& ring, uint16_t partition) {
    for (const uint16_t member : ring.owners(partition)) {
      const NodeId& id = ring.id(member);
      const bool known =
          std::any_of(owners.begin(), owners.end(), [&](const NodeId* one) { return *one == id; });
      if (!known) owners.push_back(&id);
    }
  };
  for (const Ring& ring : write_rings_) {
    if (ring->splits()->degree_of(ns_hash) == 0) {
      add(*ring, model::home_of(ns_hash));
      continue;
    }
    for (const auto& shard : ring->splits()->shards_of(ns_hash)) {
      if ((shard.slots & slots) != 0) add(*ring, shard.partition);
    }
  }
  return owners;
}

bool Routes::is_writer(const NodeId& node) const {
  return std::any_of(write_rings_.begin(), write_rings_.end(), [&](const Ring& ring) {
    return std::any_of(ring->members().begin(), ring->members().end(),
                       [&](const RingMember& member) { return member.id == node; });
  });
}

}  // namespace ferro::node::cluster
