// What a node that was told to stop does next.
#include "node/cluster/core/departure.h"

#include <gtest/gtest.h>

namespace ferro::node::cluster {
namespace {

using Stage = DepartureStage;

// A member in good order, two others beside it.
Standing usual() {
  Standing standing;
  standing.others = standing.takers = standing.in_ring = standing.whole = standing.compared = true;
  return standing;
}

TEST(Departure, GoesWhenEverythingWasComparedAndConfirmed) {
  EXPECT_EQ(next_stage(usual()), Stage::over);
}

TEST(Departure, ComparesFirstAndWaitsForConfirmations) {
  Standing standing = usual();
  standing.unconfirmed = 3;
  EXPECT_EQ(next_stage(standing), Stage::confirming);
  standing.compared = false;
  standing.only_mine = 1;  // as far as is known: it is not yet
  EXPECT_EQ(next_stage(standing), Stage::comparing);
  standing.whole = false;
  EXPECT_EQ(next_stage(standing), Stage::catching_up) << "what it holds may be deleted elsewhere";
}

TEST(Departure, WhoNeverBelongedToTheRingDoesNotCatchUpFirst) {
  Standing standing = usual();
  standing.in_ring = standing.whole = false;
  EXPECT_EQ(next_stage(standing), Stage::over);
}

TEST(Departure, HandsOverWhatNobodyElseWhoIsThereOwns) {
  Standing standing = usual();
  standing.only_mine = 7;
  EXPECT_EQ(next_stage(standing), Stage::handing_over);
  standing.unconfirmed = 1;
  EXPECT_EQ(next_stage(standing), Stage::confirming);
  standing.draining = true;
  EXPECT_EQ(next_stage(standing), Stage::handing_over) << "once begun";
}

// A cluster that is stopped as a whole does not pass its entries round.
TEST(Departure, NobodyTakesWhatAllAreAboutToLeave) {
  Standing standing = usual();
  standing.takers = false;
  standing.only_mine = 7;
  EXPECT_EQ(next_stage(standing), Stage::over);
  standing.draining = true;
  EXPECT_EQ(next_stage(standing), Stage::over);
}

TEST(Departure, ADrainedNodeOnlyWaitsForConfirmations) {
  Standing standing = usual();
  standing.drained = true;
  standing.compared = standing.in_ring = standing.whole = false;
  EXPECT_EQ(next_stage(standing), Stage::over);
  standing.unconfirmed = 1;
  EXPECT_EQ(next_stage(standing), Stage::confirming);
}

TEST(Departure, ALonelyNodeWaitsForNobody) {
  Standing standing;
  standing.in_ring = true;
  standing.only_mine = 9;
  EXPECT_EQ(next_stage(standing), Stage::over);
}

}  // namespace
}  // namespace ferro::node::cluster
