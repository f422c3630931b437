#include "node/cluster/core/join_tops.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ferro::node::cluster {

void join_tops(cache::TopList& list, size_t top) {
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  cache::TopList joined;
  for (auto& [name, entries] : list) {
    if (joined.empty() || joined.back().first != name) {
      joined.emplace_back(std::move(name), std::move(entries));
      continue;
    }
    auto& all = joined.back().second;
    std::move(entries.begin(), entries.end(), std::back_inserter(all));
    std::stable_sort(all.begin(), all.end(), [](const store::TopEntry& a, const store::TopEntry& b) {
      return a.access_count != b.access_count ? a.access_count > b.access_count : a.version > b.version;
    });
    if (all.size() > top) all.resize(top);
  }
  list = std::move(joined);
}

}  // namespace ferro::node::cluster
