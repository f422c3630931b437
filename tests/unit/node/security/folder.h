// A folder of the test's own for files that are replaced while they are watched.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fakes/temp_folder.h"

namespace ferro::node::security {

class InFolder : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }
  void replace(const std::string& name, const std::string& content) const {
    write(name + ".new", content);
    std::filesystem::rename(path(name + ".new"), path(name));
  }

 private:
  const tests::fakes::TempFolder temp_;

 protected:
  const std::filesystem::path folder_{temp_.path()};
};

}  // namespace ferro::node::security
