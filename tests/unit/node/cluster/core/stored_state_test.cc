#include "node/cluster/core/stored_state.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "tests/fakes/faulty_file_system.h"

namespace ferro::node::cluster {
namespace {

StoredState example() {
  StoredState state;
  state.generation = 17;
  state.last_alive_ms = 1'700'000'000'123;
  state.ring = RingRecord{4, {{"a", 64}, {"b with space", 128}}, 2};
  return state;
}

TEST(StoredState, IsReadAsItWasWritten) {
  const auto again = parse_stored_state(print_stored_state(example()));
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(*again, example());
}

TEST(StoredState, OfANewFolderIsEmpty) {
  tests::fakes::FaultyFileSystem fs(1);
  ASSERT_TRUE(fs.create_directories("/data").ok());
  const auto state = load_stored_state(fs, "/data");
  ASSERT_TRUE(state.ok()) << state.status().to_string();
  EXPECT_EQ(*state, StoredState());
}

TEST(StoredState, SurvivesInItsFolder) {
  tests::fakes::FaultyFileSystem fs(1);
  ASSERT_TRUE(fs.create_directories("/data").ok());
  ASSERT_TRUE(save_stored_state(fs, "/data", example()).ok());
  const auto state = load_stored_state(fs, "/data");
  ASSERT_TRUE(state.ok()) << state.status().to_string();
  EXPECT_EQ(*state, example());
}

TEST(StoredState, CutShortIsRefusedWithTheFileAndWhatToDo) {
  const std::string whole = print_stored_state(example());
  for (size_t size = 1; size < whole.size() - 1; ++size) {
    EXPECT_FALSE(parse_stored_state(whole.substr(0, size)).ok()) << size;
  }
  tests::fakes::FaultyFileSystem fs(1);
  ASSERT_TRUE(fs.create_directories("/data").ok());
  ASSERT_TRUE(io::write_file_atomically(fs, "/data/CLUSTER", as_bytes("generation x\nend\n")).ok());
  const auto state = load_stored_state(fs, "/data");
  ASSERT_FALSE(state.ok());
  EXPECT_NE(state.status().message().find("/data/CLUSTER"), std::string::npos);
  EXPECT_NE(state.status().message().find("generation"), std::string::npos);
}

// A ring that could not be told to anybody: damage, or a later version's.
TEST(StoredState, ARingThatDoesNotFitIntoGossipIsRefused) {
  StoredState state;
  state.ring = RingRecord{3, {}, 2};
  for (int i = 0; i < 500; ++i)
    state.ring->members.push_back({std::to_string(1000 + i) + std::string(60, 'x'), 64});
  EXPECT_EQ(parse_stored_state(print_stored_state(state)).status().code(), StatusCode::data_loss);
  state.ring->members.resize(200);
  EXPECT_EQ(*parse_stored_state(print_stored_state(state)), state);
}

}  // namespace
}  // namespace ferro::node::cluster
