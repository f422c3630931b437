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
  for (const Ring& ring : write_rings_) owns_here_ |= ring->partitions_of(self_);
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

Routes::Owners Routes::writers(uint16_t partition) const {
  Owners owners;
  for (const Ring& ring : write_rings_) {
    for (const uint16_t member : ring->owners(partition)) {
      const NodeId& id = ring->id(member);
      const bool known =
          std::any_of(owners.begin(), owners.end(), [&](const NodeId* one) { return *one == id; });
      if (!known) owners.push_back(&id);
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
