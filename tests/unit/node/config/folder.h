// A folder of the test's own that is also the working directory while the test runs: `load` looks there for
// ferrocache.toml.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fakes/temp_folder.h"

namespace ferro::node::config {

class InFolder : public testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_);
  }
  void TearDown() override { std::filesystem::current_path(before_); }
  static void write(const std::string& path, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::absolute(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }

 private:
  const tests::fakes::TempFolder temp_;

 protected:
  const std::filesystem::path folder_{temp_.path()};
  std::filesystem::path before_;
};

}  // namespace ferro::node::config
