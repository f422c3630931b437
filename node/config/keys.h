// The table of keys: the one place that knows which settings exist. Files, environment, command line,
// printing, the help text and the test of docs/configuration.md all read it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "node/config/config.h"
#include "node/config/values.h"

namespace ferro::node::config {

struct Key {
  std::string_view name;  // as in files and on the command line: `hnsw.ef_search`
  std::string_view type;  // integer, number, boolean, text, choice or list
  std::string allowed;    // the range, for messages and the reference page
  bool secret = false;    // its value is never shown
  // False, and `config` unchanged, if the value is not allowed.
  std::function<bool(const RawValue& value, Config& config)> set;
  std::function<std::string(const Config& config)> print;  // masked if secret
  std::function<bool(const Config& a, const Config& b)> equal;
};

// In the order of the reference page. Built once; immutable.
const std::vector<Key>& all_keys();
const Key* find_key(std::string_view name);
// `FERROCACHE_HNSW__EF_SEARCH` for `hnsw.ef_search`.
std::string environment_name(std::string_view key_name);
// True for `hnsw` and `cluster.tls`: what keys stand in.
bool is_section(std::string_view name);
// The known name that a mistyped one is closest to; empty if none is close.
std::string_view closest_key(std::string_view mistyped);

}  // namespace ferro::node::config
