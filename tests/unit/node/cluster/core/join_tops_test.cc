// The most read entries that the shards of a namespace tell, as one store would tell them.
#include "node/cluster/core/join_tops.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

namespace ferro::node::cluster {
namespace {

using ::testing::ElementsAre;

store::TopEntry read(const std::string& id, uint64_t times, uint64_t version) {
  store::TopEntry entry;
  entry.id = id;
  entry.access_count = times;
  entry.version = {version, 1};
  return entry;
}

std::vector<std::string> ids_of(const std::pair<std::string, std::vector<store::TopEntry>>& ns) {
  std::vector<std::string> ids;
  for (const store::TopEntry& entry : ns.second) ids.push_back(entry.id);
  return ids;
}

// They came in the order in which the owners had answered, and which of them were left out depended on it.
TEST(JoinTops, EquallyOftenReadTheNewestComesFirstWhoeverAnswersFirst) {
  const std::pair<std::string, std::vector<store::TopEntry>> one{
      "m", {read("a", 9, 1), read("d", 3, 8), read("c", 3, 2)}};
  const std::pair<std::string, std::vector<store::TopEntry>> other{
      "m", {read("f", 3, 9), read("e", 3, 5), read("b", 1, 7)}};
  for (cache::TopList list : {cache::TopList{one, {"l", {}}, other}, {other, one, {"l", {}}}}) {
    join_tops(list, 4);
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list.at(0).first, "l");
    EXPECT_THAT(ids_of(list.at(1)), ElementsAre("a", "f", "d", "e"));
  }
}

}  // namespace
}  // namespace ferro::node::cluster
