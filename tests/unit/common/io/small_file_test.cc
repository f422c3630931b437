#include "common/io/small_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace ferro::io {
namespace {

class SmallFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "small_file_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& content) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::filesystem::path folder_;
};

TEST_F(SmallFile, ReadsUpToTheBoundAndThroughSymlinks) {
  const std::string path = write("a", std::string(40'000, 'x') + '\0' + "end");
  EXPECT_EQ(read_small_file(path, 40'004).value(), std::string(40'000, 'x') + '\0' + "end");
  EXPECT_EQ(read_small_file(path, 40'003).status().code(), StatusCode::too_large);
  std::filesystem::create_symlink("a", folder_ / "link");
  EXPECT_EQ(read_small_file((folder_ / "link").string(), 50'000).value().size(), 40'004U);
  EXPECT_EQ(read_small_file(write("empty", ""), 0).value(), "");
}

TEST_F(SmallFile, ReadsFilesThatSayTheirSizeIsZero) {
  EXPECT_NE(read_small_file("/proc/self/status", 65'536).value().find("Pid:"), std::string::npos);
}

TEST_F(SmallFile, RefusesWhatIsNoRegularFile) {
  const std::string missing = (folder_ / "none").string();
  EXPECT_EQ(read_small_file(missing, 10).status().code(), StatusCode::not_found);
  EXPECT_NE(read_small_file(missing, 10).status().message().find(missing), std::string::npos);
  EXPECT_EQ(read_small_file(folder_.string(), 10).status().code(), StatusCode::io_error);
  EXPECT_EQ(read_small_file("/dev/zero", 10).status().code(), StatusCode::io_error);
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(read_small_file(pipe, 10).status().code(), StatusCode::io_error);  // and returns at once
}

}  // namespace
}  // namespace ferro::io
