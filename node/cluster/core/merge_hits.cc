#include "node/cluster/core/merge_hits.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/limits.h"

namespace ferro::node::cluster {

engine::LookupResult merge_hits(std::vector<engine::LookupResult> parts, float threshold, size_t top_k) {
  engine::LookupResult merged;
  for (engine::LookupResult& part : parts) {
    merged.now_ms = std::max(merged.now_ms, part.now_ms);
    std::move(part.hits.begin(), part.hits.end(), std::back_inserter(merged.hits));
  }
  std::vector<store::Hit>& hits = merged.hits;
  const auto by_version = [](const store::Hit& a, const store::Hit& b) { return a.version < b.version; };
  const auto exact_end =
      std::partition(hits.begin(), hits.end(), [](const store::Hit& hit) { return hit.exact_match; });
  if (const auto newest = std::max_element(hits.begin(), exact_end, by_version); newest != exact_end) {
    std::iter_swap(hits.begin(), newest);
    for (auto hit = std::next(hits.begin()); hit != exact_end; ++hit) {
      hit->exact_match = false;
      hit->similarity = std::clamp(hit->cosine.value_or(0.0F), 0.0F, 1.0F);
    }
  }
  const auto too_far = [threshold](const store::Hit& hit) {
    return !hit.exact_match && hit.similarity < threshold - limits::kSimilarityTolerance;
  };
  hits.erase(std::remove_if(hits.begin(), hits.end(), too_far), hits.end());
  std::sort(hits.begin(), hits.end(), [](const store::Hit& a, const store::Hit& b) {
    if (a.exact_match != b.exact_match) return a.exact_match;
    const float a_cosine = a.cosine.value_or(a.similarity), b_cosine = b.cosine.value_or(b.similarity);
    if (a_cosine != b_cosine) return a_cosine > b_cosine;
    return a.version > b.version;
  });
  if (hits.size() > top_k) hits.resize(top_k);
  return merged;
}

}  // namespace ferro::node::cluster
