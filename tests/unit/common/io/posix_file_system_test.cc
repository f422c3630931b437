#include "common/io/posix_file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/io/crc32c.h"

namespace ferro::io {
namespace {

class PosixFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "ferro_io_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  PosixFileSystem fs_;
  std::string folder_;
};

TEST(Crc32c, MatchesThePublishedCheckValueAndContinues) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_bytes("")), 0U);
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xE3069283U);
}

TEST_F(PosixFileSystemTest, WritesReadsAndTruncates) {
  auto file = fs_.open(path("a"), OpenMode::create);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  ASSERT_TRUE((*file)->write_at(4, as_bytes("efgh")).ok());
  ASSERT_TRUE((*file)->write_at(0, as_bytes("abcd")).ok());
  ASSERT_TRUE((*file)->sync_data().ok());
  std::string out;
  ASSERT_TRUE((*file)->read_at(2, 100, out).ok());
  EXPECT_EQ(out, "cdefgh");
  ASSERT_TRUE((*file)->read_at(100, 5, out).ok());
  EXPECT_EQ(out, "");
  ASSERT_TRUE((*file)->truncate(3).ok());
  EXPECT_EQ(*(*file)->size(), 3U);
}

TEST_F(PosixFileSystemTest, AReadAllocatesWhatTheFileHoldsAndNotWhatIsAskedFor) {
  ASSERT_TRUE(write_file_atomically(fs_, path("small"), as_bytes("abc")).ok());
  auto file = fs_.open(path("small"), OpenMode::read);
  ASSERT_TRUE(file.ok());
  std::string out;
  ASSERT_TRUE((*file)->read_at(0, size_t{1} << 60, out).ok());
  EXPECT_EQ(out, "abc");
}

TEST_F(PosixFileSystemTest, OpenModesDifferInWhatTheyDoToTheFile) {
  EXPECT_EQ(fs_.open(path("none"), OpenMode::read).status().code(), StatusCode::not_found);
  EXPECT_EQ(fs_.open(path("none"), OpenMode::read_write).status().code(), StatusCode::not_found);
  ASSERT_TRUE(write_file_atomically(fs_, path("kept"), as_bytes("old")).ok());
  EXPECT_EQ(*(*fs_.open(path("kept"), OpenMode::create))->size(), 3U);
  EXPECT_EQ(*(*fs_.open(path("kept"), OpenMode::create_empty))->size(), 0U);
}

TEST_F(PosixFileSystemTest, ErrorsNameThePathAndTheReason) {
  const Status status = fs_.open(path("none"), OpenMode::read).status();
  EXPECT_NE(status.message().find(path("none")), std::string::npos);
  EXPECT_NE(status.message().find("No such file"), std::string::npos);
  EXPECT_FALSE(fs_.rename(path("none"), path("other")).ok());
  EXPECT_EQ(fs_.remove(path("none")).code(), StatusCode::not_found);
}

TEST_F(PosixFileSystemTest, AFullDiskIsNoSpace) {
  auto file = fs_.open("/dev/full", OpenMode::read_write);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->write_at(0, as_bytes("x")).code(), StatusCode::no_space);
}

// After a rename the folder must be synced, whoever took the last descriptor.
TEST_F(PosixFileSystemTest, WithoutDescriptorsAFolderIsSyncedAndAFileIsUnavailable) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<int> taken;
  for (int number = 0; (number = ::open("/", O_PATH | O_CLOEXEC)) >= 0;) taken.push_back(number);
  for (int round = 0; round < 3; ++round) EXPECT_EQ(fs_.sync_directory(folder_).to_string(), "ok");
  EXPECT_EQ(fs_.open(path("new"), OpenMode::create).status().code(), StatusCode::unavailable);
  for (const int number : taken) ::close(number);
  EXPECT_TRUE(fs_.open(path("new"), OpenMode::create).ok());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(PosixFileSystemTest, MakesNestedFoldersAndListsOnlyFilesInOrder) {
  ASSERT_TRUE(fs_.create_directories(path("x/y/z/")).ok());
  ASSERT_TRUE(fs_.create_directories(path("x/y/z")).ok());
  for (const char* name : {"x/b", "x/a", "x/c"}) {
    ASSERT_TRUE(write_file_atomically(fs_, path(name), as_bytes("1")).ok());
  }
  EXPECT_EQ(*fs_.list(path("x")), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_FALSE(fs_.list(path("nowhere")).ok());
  EXPECT_EQ(fs_.create_directories(path("x/a/deeper")).code(), StatusCode::failed_precondition);
}

TEST_F(PosixFileSystemTest, ALockIsExclusiveUntilItIsDropped) {
  auto first = fs_.lock(path("lock"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(fs_.lock(path("lock")).status().code(), StatusCode::failed_precondition);
  first->reset();
  EXPECT_TRUE(fs_.lock(path("lock")).ok());
}

TEST_F(PosixFileSystemTest, WholeFiles) {
  ASSERT_TRUE(write_file_atomically(fs_, path("f"), as_bytes("one")).ok());
  ASSERT_TRUE(write_file_atomically(fs_, path("f"), as_bytes("two")).ok());
  EXPECT_EQ(*read_file(fs_, path("f"), 3), "two");
  EXPECT_EQ(read_file(fs_, path("f"), 2).status().code(), StatusCode::too_large);
  EXPECT_EQ(read_file(fs_, path("g"), 2).status().code(), StatusCode::not_found);
  EXPECT_EQ(*fs_.list(folder_), std::vector<std::string>{"f"});
  // A failed replacement leaves the old content and no temporary file.
  ASSERT_TRUE(fs_.create_directories(path("folder")).ok());
  EXPECT_FALSE(write_file_atomically(fs_, path("folder"), as_bytes("x")).ok());
  EXPECT_EQ(*fs_.list(folder_), std::vector<std::string>{"f"});
}

TEST_F(PosixFileSystemTest, FilesAreNotReadableByOthers) {
  ASSERT_TRUE(write_file_atomically(fs_, path("f"), as_bytes("x")).ok());
  struct stat info {};
  ASSERT_EQ(::stat(path("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0007U, 0U);
  EXPECT_GT(*fs_.free_bytes(folder_), 0U);
}

}  // namespace
}  // namespace ferro::io
