// Any bytes as a saved graph: refused, or a graph that can be searched, added to, saved and rebuilt. Answers
// must be right whatever the links say, since a walk that finds too little is never believed.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/sync/epoch.h"
#include "node/index/adaptive_index.h"
#include "node/index/tuning.h"

namespace {

using ferro::node::index::AdaptiveIndex;
using ferro::node::index::IndexKind;
using ferro::node::index::IndexOptions;
using ferro::node::index::IndexTuning;
using ferro::node::index::kNoRow;
using ferro::node::index::Match;
using ferro::node::index::Row;

constexpr size_t kRows = 40;
constexpr size_t kDimension = 2;
constexpr IndexTuning kTuning{.flat_rows_max = 8, .graph_rows_min = 16, .fold_rows_min = 4, .job_floats = 32};

std::vector<float> vector_of(size_t i) {
  const float angle = 0.15F * static_cast<float>(i);
  return {std::cos(angle), std::sin(angle)};
}

void check(bool holds) {
  if (!holds) std::abort();
}

void maintain(AdaptiveIndex& index, ferro::sync::EpochDomain& epochs) {
  while (auto job = index.begin_maintenance()) {
    job->run();
    index.finish_maintenance(std::move(job));
    epochs.collect();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int owner = 0;
  ferro::sync::EpochDomain epochs;
  IndexOptions options;
  options.kind = IndexKind::hnsw;
  options.max_nb_connection = 4;
  options.ef_construction = 10;
  options.ef_search = 8;
  AdaptiveIndex index(kDimension, options, kTuning, epochs);
  std::vector<Row> rows;
  for (size_t i = 0; i < kRows; ++i) rows.push_back(index.add(vector_of(i), &owner));
  if (!index.load_graph({data, size}, rows).ok()) return 0;

  const auto search = [&](size_t i) {
    std::vector<Match> matches;
    const ferro::sync::EpochDomain::Guard guard(epochs);
    index.search(vector_of(i), 0.999F, 1, {}, matches);
    check(matches.size() == 1 && matches[0].score >= 0.999F);
  };
  search(3);
  std::string saved;
  {
    const ferro::sync::EpochDomain::Guard guard(epochs);
    index.save_graph([](Row row) { return row < kRows ? row : kNoRow; }, saved);
  }
  check(index.load_graph(ferro::as_bytes(saved), rows).ok());
  for (size_t i = kRows; i < kRows + 6; ++i) index.add(vector_of(i), &owner);
  maintain(index, epochs);
  search(kRows + 2);
  for (size_t i = 0; i < kRows / 2; ++i) index.remove(rows[i]);
  maintain(index, epochs);
  search(kRows - 1);
  return 0;
}
