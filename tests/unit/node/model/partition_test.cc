// The numbers that every node and every id relies on.
#include "node/model/partition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ferro::node::model {
namespace {

// Computed by another implementation of XXH3 from the words of partition.h. They stand in ids that servers
// made and decide where data lies: a change of any is a change of the protocol.
TEST(Partition, KnownKeysHaveTheirNumberForEver) {
  EXPECT_EQ(partition_of({"m", "", ""}), 262);
  EXPECT_EQ(partition_of({"m", "s", ""}), 94);
  EXPECT_EQ(partition_of({"m", "", "s"}), 327);
  EXPECT_EQ(partition_of({"all-MiniLM-L6-v2::384", "tenant a", "42"}), 763);
  EXPECT_EQ(partition_of({"a::b", "", ""}), 856);
  EXPECT_EQ(partition_of({"a", "b", ""}), 832);
  EXPECT_EQ(partition_of({std::string(256, 'x'), std::string(256, 'y'), std::string(256, 'z')}), 278);
  EXPECT_EQ(partition_of({"model", "b\u00fccher", "conv"}), 733);
}

TEST(Partition, ConversationsSpreadEvenly) {
  std::vector<size_t> of_partition(kPartitions);
  constexpr size_t kEach = 100;
  for (size_t i = 0; i < kEach * kPartitions; ++i) {
    ++of_partition.at(partition_of({"m::384", "scope", "c" + std::to_string(i)}));
  }
  // Six standard deviations of a fair spread.
  const auto [least, most] = std::minmax_element(of_partition.begin(), of_partition.end());
  EXPECT_GT(*least, kEach - 60);
  EXPECT_LT(*most, kEach + 60);
}

}  // namespace
}  // namespace ferro::node::model
