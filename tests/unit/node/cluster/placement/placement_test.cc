#include "node/cluster/placement/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "rings.h"

namespace ferro::node::cluster {
namespace {

bool equal_tables(const Placement& a, const Placement& b) {
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
    if (!std::ranges::equal(a.owners(partition), b.owners(partition))) return false;
  }
  return a.members() == b.members();
}

TEST(Placement, NobodyOwnsAnythingWithoutMembers) {
  for (const Placement& none : {Placement(), Placement::build({}, 2)}) {
    EXPECT_TRUE(none.empty());
    EXPECT_TRUE(none.owners(0).empty());
    EXPECT_TRUE(none.owners(model::kPartitions - 1).empty());
    EXPECT_FALSE(none.owns("a", 0));
    EXPECT_TRUE(none.partitions_of("a").none());
  }
}

TEST(Placement, OneMemberOwnsAll) {
  const Placement alone = Placement::build({{"a", 64}}, 3);
  EXPECT_EQ(alone.factor(), 3U);
  EXPECT_TRUE(alone.partitions_of("a").all());
  EXPECT_TRUE(alone.owns("a", 1023));
  EXPECT_FALSE(alone.owns("b", 1023));
}

TEST(Placement, WhoHasNoWeightOrAnIdTwiceIsLeftOut) {
  const Placement placement = Placement::build({{"b", 64}, {"a", 0}, {"b", 64}, {"b", 80}, {"c", 1}}, 2);
  EXPECT_EQ(placement.members(), (std::vector<RingMember>{{"b", 64}, {"c", 1}}));
  EXPECT_TRUE(Placement::build({{"a", 0}}, 2).empty());
}

TEST(Placement, OwnersAreDistinctAndAsManyAsThereCanBe) {
  std::mt19937_64 random(1);
  for (size_t count = 1; count <= 12; ++count) {
    for (size_t factor = 1; factor <= 5; ++factor) {
      SCOPED_TRACE(std::to_string(count) + " members, factor " + std::to_string(factor));
      const Placement placement = Placement::build(members_of(random, count), factor);
      size_t owned = 0;
      for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
        const auto owners = placement.owners(partition);
        ASSERT_EQ(owners.size(), std::min(count, factor));
        ASSERT_EQ(std::set(owners.begin(), owners.end()).size(), owners.size());
        for (const uint16_t owner : owners) {
          ASSERT_TRUE(placement.owns(placement.id(owner), partition));
        }
      }
      for (const RingMember& member : placement.members())
        owned += placement.partitions_of(member.id).count();
      ASSERT_EQ(owned, model::kPartitions * std::min(count, factor));
    }
  }
}

TEST(Placement, OrderOfMembersDoesNotMatter) {
  std::mt19937_64 random(2);
  std::vector<RingMember> members = members_of(random, 9);
  for (size_t i = 0; i < members.size(); ++i) members[i].weight = static_cast<uint32_t>(1 + i * 20);
  const Placement placement = Placement::build(members, 2);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(members.begin(), members.end(), random);
    const Placement again = Placement::build(members, 2);
    EXPECT_TRUE(equal_tables(placement, again));
    EXPECT_EQ(placement.fingerprint(), again.fingerprint());
  }
}

TEST(Placement, FingerprintTellsMembersWeightsAndFactorApart) {
  const std::vector<RingMember> members = {{"a", 64}, {"b", 64}, {"c", 64}};
  std::set<uint64_t> seen = {Placement().fingerprint()};
  const auto is_new = [&seen](const std::vector<RingMember>& of, size_t factor) {
    return seen.insert(Placement::build(of, factor).fingerprint()).second;
  };
  EXPECT_TRUE(is_new(members, 2));
  EXPECT_FALSE(is_new(members, 2));
  EXPECT_TRUE(is_new(members, 1));
  EXPECT_TRUE(is_new(members, 3));
  EXPECT_TRUE(is_new(members, 4));  // three owners as before, but not once a fourth member comes
  EXPECT_TRUE(is_new({{"a", 64}, {"b", 64}}, 2));
  EXPECT_TRUE(is_new({{"a", 64}, {"b", 65}, {"c", 64}}, 2));
  EXPECT_TRUE(is_new({{"a", 64}, {"b", 64}, {"d", 64}}, 2));
  EXPECT_TRUE(is_new({{"ab", 64}, {"c", 64}}, 2));
  EXPECT_TRUE(is_new({{"a", 64}, {"bc", 64}}, 2));
}

// What build() answers is part of the protocol: nodes of different builds and machines must agree. If this
// fails, kAlgorithm has to change with it.
TEST(Placement, TheTableOfKnownMembersNeverChanges) {
  const Placement placement = Placement::build(
      {{"alpha", 64}, {"beta", 64}, {"gamma", 128}, {"delta", 1}, {"epsilon", 4'000'000'000}}, 2);
  uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
    for (const uint16_t owner : placement.owners(partition)) hash = (hash ^ owner) * 1'099'511'628'211U;
  }
  EXPECT_EQ(hash, 12'796'325'577'680'701'088U);
  EXPECT_EQ(placement.fingerprint(), 15'534'364'531'746'465'901U);
}

// Shares by weight of `copies` times all partitions, nobody more than all of them.
std::vector<double> shares_of(const std::vector<RingMember>& members, size_t copies) {
  std::vector<double> shares(members.size(), 0.0);
  for (size_t round = 0; round < members.size(); ++round) {
    double slots = static_cast<double>(model::kPartitions * copies);
    double weights = 0.0;
    for (size_t i = 0; i < members.size(); ++i) {
      (shares[i] >= model::kPartitions ? slots -= model::kPartitions : weights += members[i].weight);
    }
    for (size_t i = 0; i < members.size(); ++i) {
      if (shares[i] >= model::kPartitions) continue;
      shares[i] = std::min<double>(slots * members[i].weight / weights, model::kPartitions);
    }
  }
  return shares;
}

TEST(Placement, NobodyIsMuchAboveItsShareWhateverTheWeights) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<RingMember> members = members_of(random, 1 + random() % 20);
    if (seed % 2 == 0) {
      for (RingMember& member : members) member.weight = static_cast<uint32_t>(1 + random() % 256);
    }
    const size_t factor = 1 + random() % 3;
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(members.size()) +
                 " members, factor " + std::to_string(factor));
    const Placement placement = Placement::build(members, factor);
    const Loads loads = loads_of(placement);
    const std::vector<double> shares = shares_of(placement.members(), std::min(factor, members.size()));
    const std::vector<double> first_shares = shares_of(placement.members(), 1);
    for (size_t i = 0; i < members.size(); ++i) {
      EXPECT_LE(static_cast<double>(loads.owned[i]), std::ceil(shares[i] * 1.02 + 1e-9)) << i;
      EXPECT_LE(static_cast<double>(loads.first[i]), std::ceil(first_shares[i] * 1.02 + 1e-9)) << i;
    }
  }
}

TEST(Placement, WeightsAreHonoured) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::vector<RingMember> members = members_of(random, 4);
    std::ranges::sort(members);
    const std::array<uint32_t, 4> weights = {32, 64, 64, 96};
    for (size_t i = 0; i < 4; ++i) members[i].weight = weights[i];
    const Loads loads = loads_of(Placement::build(members, 1));
    for (size_t i = 0; i < 4; ++i) {
      const double share = 1024.0 * weights[i] / 256.0;
      const auto owned = static_cast<double>(loads.owned[i]);
      EXPECT_LE(owned, std::ceil(1.02 * share));
      EXPECT_GE(owned, share - 0.02 * (1024.0 - share) - 3.0);  // the others at their bounds
    }
  }
}

// Someone with nearly all the weight still owns a partition only once: the other copies go to the others.
TEST(Placement, OneHeavyMemberLeavesTheOtherCopiesToTheRest) {
  const Loads loads = loads_of(Placement::build({{"a", UINT32_MAX}, {"b", 1}, {"c", 1}}, 2));
  EXPECT_EQ(loads.owned[0], model::kPartitions);
  EXPECT_NEAR(static_cast<double>(loads.owned[1]), 512.0, 11.0);
  EXPECT_NEAR(static_cast<double>(loads.owned[2]), 512.0, 11.0);
}

// 1,000 tenants over 3..10 nodes: beside the bounded load of partitions only the chance of the namespaces'
// own hashes is left.
TEST(Placement, ThousandNamespacesSpreadEvenly) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    std::mt19937_64 random(seed);
    for (size_t count = 3; count <= 10; ++count) {
      for (size_t factor = 1; factor <= 3; ++factor) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(count) + " members, factor " +
                     std::to_string(factor));
        const Placement placement = Placement::build(members_of(random, count), factor);
        std::vector<size_t> held(count);
        for (int i = 0; i < 1000; ++i) {
          const model::NamespaceKey ns{"all-MiniLM-L6-v2", "tenant-" + std::to_string(random() % 1'000'000),
                                       ""};
          for (const uint16_t owner : placement.owners(model::partition_of(ns))) ++held[owner];
        }
        const double chance = static_cast<double>(factor) / static_cast<double>(count);
        const double deviation = std::sqrt(1000.0 * chance * (1.0 - chance));
        for (const size_t namespaces : held) {
          const auto load = static_cast<double>(namespaces);
          EXPECT_LE(load, 1000.0 * chance * 1.03 + 4.0 * deviation);
          // With a single copy that spread alone may, rarely, pass a quarter.
          if (factor > 1) {
            EXPECT_LE(load, 1000.0 * chance * 1.25);
          }
        }
      }
    }
  }
}

// Names as people give them, every factor.
TEST(Placement, NobodyOwnsAQuarterOverItsShareOfThousandOrdinaryNamespaces) {
  std::vector<RingMember> members = {{"node-0", 64}, {"node-1", 64}};
  while (members.size() < 10) {
    members.push_back({"node-" + std::to_string(members.size()), 64});
    for (size_t factor = 1; factor <= 3; ++factor) {
      SCOPED_TRACE(std::to_string(members.size()) + " members, factor " + std::to_string(factor));
      const Placement placement = Placement::build(members, factor);
      std::vector<size_t> held(members.size());
      for (int i = 0; i < 1000; ++i) {
        const model::NamespaceKey ns{"text-embedding-3-small", "tenant-" + std::to_string(i), ""};
        for (const uint16_t owner : placement.owners(model::partition_of(ns))) ++held[owner];
      }
      EXPECT_LE(static_cast<double>(std::ranges::max(held)),
                1.25 * 1000.0 * static_cast<double>(factor) / static_cast<double>(members.size()));
    }
  }
}

}  // namespace
}  // namespace ferro::node::cluster
