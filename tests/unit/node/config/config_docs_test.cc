// docs/configuration.md and docs/ferrocache.sample.toml say what the code does, in both directions.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "node/config/config.h"
#include "node/config/keys.h"
#include "node/config/sources.h"

namespace ferro::node::config {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path << " (tests run in the top folder)";
  return {std::istreambuf_iterator<char>(in), {}};
}

// Cells without their blanks and code marks.
std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream in(row.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    const size_t first = cell.find_first_not_of(" `");
    cells.push_back(first == std::string::npos ? ""
                                               : cell.substr(first, cell.find_last_not_of(" `") - first + 1));
  }
  return cells;
}

TEST(ConfigurationPage, HoldsEveryKeyAsItIs) {
  std::map<std::string, std::vector<std::string>> rows;
  std::istringstream page(content_of("docs/configuration.md"));
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `") || line.starts_with("| `--")) continue;
    const auto cells = cells_of(line);
    ASSERT_EQ(cells.size(), 6U) << line;
    EXPECT_TRUE(rows.emplace(cells[0], cells).second) << cells[0] << " stands there twice";
    EXPECT_NE(find_key(cells[0]), nullptr) << "the page has a key that the code has not: " << cells[0];
  }
  const Config defaults;
  for (const Key& key : all_keys()) {
    const auto row = rows.find(std::string(key.name));
    ASSERT_NE(row, rows.end()) << "not on the page: " << key.name;
    EXPECT_EQ(row->second[1], key.type) << key.name;
    EXPECT_EQ(row->second[2], key.print(defaults)) << key.name;
    EXPECT_EQ(row->second[3], key.allowed) << key.name;
    EXPECT_EQ(row->second[4], environment_name(key.name)) << key.name;
    EXPECT_GT(row->second[5].size(), 10U) << key.name << ": say what it does";
  }
}

TEST(ConfigurationPage, NamesEveryOption) {
  const std::string page = content_of("docs/configuration.md");
  std::istringstream help(help_text());
  size_t options = 0;
  for (std::string line; std::getline(help, line);) {
    if (!line.starts_with("  --")) continue;
    ++options;
    const std::string option = line.substr(2, line.find(' ', 2) - 2);
    EXPECT_NE(page.find("`" + option), std::string::npos) << option;
  }
  EXPECT_GE(options, 7U);
}

// As it stands it is the defaults; with the marks of the unset keys removed it sets every key there is.
TEST(SampleFile, ShowsEveryKeyWithItsDefault) {
  const std::string path = "docs/ferrocache.sample.toml";
  const auto loaded = load({"--config", path}, {});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_THAT(changed_keys(Config(), loaded->config), testing::IsEmpty());

  std::string unmarked;
  std::istringstream in(content_of(path));
  for (std::string line; std::getline(in, line);) {
    const bool is_marked_key = line.size() > 1 && line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
    unmarked += (is_marked_key ? line.substr(1) : line) + "\n";
  }
  const auto settings = parse_toml(unmarked, path);
  ASSERT_TRUE(settings.ok()) << settings.status().message();
  std::map<std::string, int> seen;
  Config config;
  for (const Setting& setting : *settings) {
    ++seen[setting.key];
    const Key* const key = find_key(setting.key);
    ASSERT_NE(key, nullptr) << setting.key;
    EXPECT_TRUE(key->set(setting.value, config)) << setting.key;
  }
  for (const Key& key : all_keys()) EXPECT_EQ(seen[std::string(key.name)], 1) << key.name;
}

}  // namespace
}  // namespace ferro::node::config
