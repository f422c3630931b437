#include "common/io/disk_space.h"

#include <gtest/gtest.h>

namespace ferro::io {
namespace {

TEST(DiskSpace, IsThatOfTheFileSystem) {
  const Result<DiskSpace> space = disk_space("/");
  ASSERT_TRUE(space.ok()) << space.status().to_string();
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_LE(space->available_bytes, space->total_bytes);
}

TEST(DiskSpace, NamesThePathThatIsNotThere) {
  const Result<DiskSpace> space = disk_space("/there/is/no/such/folder");
  ASSERT_FALSE(space.ok());
  EXPECT_EQ(space.status().code(), StatusCode::not_found);
  EXPECT_NE(space.status().message().find("/there/is/no/such/folder"), std::string::npos);
}

}  // namespace
}  // namespace ferro::io
