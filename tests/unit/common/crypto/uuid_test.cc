#include "common/crypto/uuid.h"

#include <gtest/gtest.h>

#include <set>

namespace ferro::crypto {
namespace {

TEST(UuidTest, IsAVersion4UuidThatCarriesItsPartition) {
  for (const unsigned partition : {0U, 1U, 255U, 256U, 4711U, 65535U}) {
    const auto uuid = make_uuid(static_cast<uint16_t>(partition));
    ASSERT_TRUE(uuid.ok()) << uuid.status().to_string();
    ASSERT_EQ(uuid->size(), 36U);
    EXPECT_EQ((*uuid)[14], '4') << *uuid;
    EXPECT_NE(std::string("89ab").find((*uuid)[19]), std::string::npos) << *uuid;
    EXPECT_EQ(partition_of_uuid(*uuid), partition) << *uuid;
  }
}

TEST(UuidTest, NoTwoAreTheSameAndNoBitStands) {
  std::set<std::string> seen;
  std::set<char> first_characters;
  for (int i = 0; i < 5000; ++i) {
    const auto uuid = make_uuid();
    ASSERT_TRUE(uuid.ok());
    EXPECT_TRUE(seen.insert(*uuid).second) << *uuid;
    first_characters.insert((*uuid)[0]);
  }
  EXPECT_EQ(first_characters.size(),
            16U);  // the partition is masked: ids of partition 0 do not all begin alike
}

TEST(UuidTest, AnIdOfAnotherShapeHasNoPartition) {
  for (const char* id : {"", "order-17", "123e4567-e89b-12d3-a456-426614174000",
                         "123e4567-e89b-42d3-c456-426614174000", "123E4567-e89b-42d3-a456-426614174000",
                         "123e4567+e89b-42d3-a456-426614174000", "123e4567-e89b-42d3-a456-42661417400"}) {
    EXPECT_EQ(partition_of_uuid(id), std::nullopt) << id;
  }
}

}  // namespace
}  // namespace ferro::crypto
