// What commands print: tables for people, JSON or YAML for programs, on standard output; everything else goes
// to standard error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/status.h"

namespace ferro::ferroctl {

enum class Format : uint8_t { table, json, yaml };

class Table {
 public:
  explicit Table(std::vector<std::string> head) : head_(std::move(head)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const noexcept { return rows_.empty(); }
  // Columns as wide as their widest cell, two blanks apart.
  std::string text() const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;
};

// In the asked-for format; `table` is used for people.
void print(Format format, const nlohmann::json& value, const std::string& table);
void say(const std::string& line);  // to standard error
// Whether all that was printed arrived; an error also where the reader went away.
Status printed();

std::string bytes_text(double bytes);                             // 1.5 GiB
std::string age_text(int64_t seconds);                            // 3h12m
std::string number_text(double value);                            // 12.3k
std::string cell(const nlohmann::json& object, const char* key);  // "-" if absent
// With control characters made visible: what a cache holds must not drive a terminal.
std::string one_line(std::string_view text, size_t characters_max);

}  // namespace ferro::ferroctl
