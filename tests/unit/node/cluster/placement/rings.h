// Members for tests, and what a table gives each of them.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "node/cluster/placement/placement.h"

namespace ferro::node::cluster {

// `count` members with ids that look like those of a node (random hexadecimal), all of one weight.
inline std::vector<RingMember> members_of(std::mt19937_64& random, size_t count, uint32_t weight = 64) {
  std::vector<RingMember> out(count);
  for (RingMember& member : out) {
    for (int digit = 0; digit < 32; ++digit) member.id += "0123456789abcdef"[random() % 16];
    member.weight = weight;
  }
  return out;
}

struct Loads {
  std::vector<size_t> owned, first;  // partitions of each member: as any owner, as the first
};

inline Loads loads_of(const Placement& placement) {
  Loads out{std::vector<size_t>(placement.members().size()), std::vector<size_t>(placement.members().size())};
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
    const auto owners = placement.owners(partition);
    if (!owners.empty()) ++out.first[owners.front()];
    for (const uint16_t owner : owners) ++out.owned[owner];
  }
  return out;
}

}  // namespace ferro::node::cluster
