// Random operations on the store and on the oracle side by side; after each step what a reader can see must
// agree.
#include <algorithm>
#include <random>

#include "common/base/limits.h"
#include "tests/fakes/seed.h"
#include "tests/unit/node/store/fixture.h"
#include "tests/unit/node/store/oracle.h"

namespace ferro::node::store {
namespace {

// Two bits: most texts collide with others.
model::TextHash weak_hash(std::string_view normalised) noexcept {
  return {normalised.size() & 1, normalised.empty() ? 0ULL : static_cast<uint64_t>(normalised.back()) & 1};
}

class ModelTest : public StoreFixture, public ::testing::WithParamInterface<bool> {
 protected:
  template <typename List>
  const auto& any(const List& list) {
    return list[random_() % list.size()];
  }
  bool one_in(unsigned n) { return random_() % n == 0; }

  std::vector<float> vector(size_t dimension) {
    std::vector<float> out(dimension);
    for (float& value : out) value = static_cast<float>(static_cast<int>(random_() % 21) - 10);
    if (std::all_of(out.begin(), out.end(), [](float value) { return value == 0.0F; })) out[0] = 1.0F;
    return unit(std::move(out));
  }

  model::Attributes attributes() {
    model::Attributes out;
    for (const char* name : {"a", "b"}) {
      if (one_in(2)) out.emplace_back(name, one_in(2) ? "x" : "y");
    }
    return out;
  }

  model::Operation operation() {
    const model::NamespaceKey& ns = any(keys_);
    if (one_in(40)) return model::DropNamespaceOp{ns, next_version()};
    if (one_in(4)) {
      // Sometimes older than what it means.
      const Hlc version =
          one_in(8) ? Hlc{ticks_ - std::min<uint64_t>(ticks_, random_() % 50), 1} : next_version();
      return model::DeleteOp{ns, any(ids_), version, static_cast<model::DeleteReason>(random_() % 3)};
    }
    model::PutOp op;
    op.ns = ns;
    op.id = any(ids_);
    op.version =
        one_in(10) ? Hlc{ticks_ - std::min<uint64_t>(ticks_, random_() % 50), ++late_} : next_version();
    // Mostly the dimension in force: sometimes another, as replaying a log may bring.
    const size_t in_force = oracle_.dimension_of(ns, now());
    op.vector = vector(in_force != 0 && !one_in(20) ? in_force : 2 + random_() % 3);
    op.query_text = any(texts_);
    op.response = "r" + std::to_string(random_() % 1000);
    op.inserted_at_ms = now();
    op.expires_at_ms = one_in(2) ? 0 : now() + 1 + static_cast<int64_t>(random_() % 400);
    op.attributes = attributes();
    if (one_in(3)) op.tags = {one_in(2) ? "t" : "u"};
    return op;
  }

  void step() {
    if (one_in(5)) clock_.advance_ms(static_cast<int64_t>(random_() % 60));
    if (one_in(30)) {
      ASSERT_EQ(store_->reap_expired(now(), SIZE_MAX), oracle_.reap(now()));
    }
    const model::Operation op = operation();
    const ApplyResult expected = oracle_.apply(op, now());
    const ApplyResult result = store_->apply(op, now());
    if (one_in(3)) epochs_.collect();
    ASSERT_EQ(result.outcome, expected.outcome);
    ASSERT_EQ(result.removed, expected.removed);
  }

  void compare_query() {
    const model::NamespaceKey& ns = any(keys_);
    const size_t in_force = oracle_.dimension_of(ns, now());
    const std::vector<float> direction = vector(in_force != 0 && !one_in(10) ? in_force : 2 + random_() % 3);
    const model::Attributes wanted = attributes();
    const std::string text = one_in(3) ? "" : any(texts_);
    QueryRequest request;
    request.ns = ns;
    request.unit_vector = direction;
    request.query_text = text;
    request.threshold = any(std::vector<float>{0.0F, 0.5F, 0.92F, 0.999F, 1.0F});
    request.top_k = any(std::vector<size_t>{1, 2, 5, 100});
    request.attributes = one_in(2) ? &wanted : nullptr;
    request.now_ms = now();
    const Result<QueryResult> result = store_->query(request);
    if (in_force != 0 && in_force != direction.size()) {
      ASSERT_EQ(result.status().code(), StatusCode::invalid_argument);
      return;
    }
    ASSERT_TRUE(result.ok());
    check_hits(request, result->hits);
  }

  void check_hits(const QueryRequest& request, const std::vector<Hit>& hits) {
    const Oracle::Stored* exact = oracle_.exact(request);
    ASSERT_EQ(!hits.empty() && hits.front().exact_match, exact != nullptr);
    if (exact != nullptr) {
      ASSERT_EQ(hits.front().id, exact->op.id);
      ASSERT_EQ(hits.front().similarity, 1.0F);
    }
    std::map<std::string, double> expected;  // the neighbours, by id
    std::vector<double> scores;
    for (const Oracle::Stored* entry : oracle_.live_of(request.ns, request.now_ms)) {
      if (entry == exact || entry->op.vector.size() != request.unit_vector.size()) continue;
      if (!has_all(entry->op, request.attributes)) continue;
      const double score = std::max(0.0, cosine(entry->op.vector, request.unit_vector));
      const double threshold = static_cast<double>(request.threshold);
      const double floor = threshold - static_cast<double>(limits::kSimilarityTolerance);
      if (threshold > 1e-5 && std::abs(score - floor) < 1e-6) return;  // too near to judge in double
      if (score < floor && threshold > 0.0) continue;
      expected[entry->op.id] = score;
      scores.push_back(score);
    }
    std::sort(scores.rbegin(), scores.rend());
    scores.resize(std::min(scores.size(), request.top_k - (exact != nullptr ? 1 : 0)));
    ASSERT_EQ(hits.size(), scores.size() + (exact != nullptr ? 1 : 0));
    std::map<std::string, int> seen;
    for (size_t i = exact != nullptr ? 1 : 0, rank = 0; i < hits.size(); ++i, ++rank) {
      ASSERT_FALSE(hits[i].exact_match);
      ASSERT_TRUE(expected.contains(hits[i].id)) << hits[i].id;
      ASSERT_EQ(++seen[hits[i].id], 1);
      ASSERT_NEAR(static_cast<double>(hits[i].similarity), expected[hits[i].id], 1e-5);
      ASSERT_NEAR(static_cast<double>(hits[i].similarity), scores[rank], 1e-5);
    }
  }

  void compare_state() {
    ASSERT_EQ(store_->live_entries(now()), oracle_.live_entries(now()));
    for (const model::NamespaceKey& ns : keys_) {
      ASSERT_EQ(store_->dimension_of(ns, now()), oracle_.dimension_of(ns, now()));
    }
    const std::string& id = any(ids_);
    const std::vector<EntryView> found = store_->find(id, now(), true);
    const auto expected = oracle_.find(id, now());
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      const model::PutOp& op = expected[i]->op;
      ASSERT_EQ(found[i].version, op.version);
      ASSERT_EQ(found[i].ns, op.ns);
      ASSERT_EQ(found[i].response, op.response);
      ASSERT_EQ(found[i].query_text, op.query_text);
      ASSERT_EQ(found[i].attributes, op.attributes);
      ASSERT_EQ(found[i].tags, op.tags);
      ASSERT_EQ(found[i].vector, op.vector);
    }
  }

  void compare_listings() {
    std::vector<std::string> names;
    std::string after;
    while (true) {
      const auto page = store_->namespaces(now(), "", after, 2);
      for (const NamespaceStats& stats : page) {
        names.push_back(model::printed_name(stats.key));
        ASSERT_EQ(stats.entry_count, oracle_.live_of(stats.key, now()).size());
      }
      if (page.empty()) break;
      after = names.back();
    }
    ASSERT_EQ(names, oracle_.names(now()));
    Selector selector;
    if (one_in(2)) selector.scope = "s";
    if (one_in(2)) selector.any_tag = {"t"};
    selector.all_attributes = attributes();
    std::vector<Hlc> expected;
    for (const Oracle::Stored& entry : oracle_.all()) {
      const auto& tags = entry.op.tags;
      if (!entry.live(now()) || (selector.scope && entry.op.ns.scope != *selector.scope)) continue;
      if (!selector.any_tag.empty() && std::find(tags.begin(), tags.end(), "t") == tags.end()) continue;
      if (has_all(entry.op, &selector.all_attributes)) expected.push_back(entry.op.version);
    }
    std::vector<Hlc> selected;
    for (const EntryRef& ref : store_->select(selector, now())) selected.push_back(ref.version);
    std::sort(expected.begin(), expected.end());
    std::sort(selected.begin(), selected.end());
    ASSERT_EQ(selected, expected);
  }

  const std::vector<model::NamespaceKey> keys_ = {
      {"m", "", ""}, {"m", "s", ""}, {"m", "s", "1"}, {"m", "", "1"}, {"m::2", "", ""}};
  const std::vector<std::string> ids_ = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"};
  const std::vector<std::string> texts_ = {"",  "  ",     "What?",       "what?",   " WHAT?\t", "How  so",
                                           "?", "how so", "Stra\u00dfe", "STRASSE", "b",        "c"};
  std::mt19937_64 random_;
  Oracle oracle_;
  uint32_t late_ = 100;  // node number of puts that arrive out of order: makes their versions unique
};

TEST_P(ModelTest, AgreesWithTheOracleAfterEveryStep) {
  const uint64_t first_seed = fakes::test_seed();
  for (uint64_t seed = first_seed; seed < first_seed + 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    oracle_ = {};
    ticks_ = 100;
    make({}, GetParam() ? &weak_hash : &model::hash_text);
    for (int i = 0; i < 2000; ++i) {
      SCOPED_TRACE("step " + std::to_string(i));
      ASSERT_NO_FATAL_FAILURE(step());
      ASSERT_NO_FATAL_FAILURE(compare_query());
      ASSERT_NO_FATAL_FAILURE(compare_state());
      if (i % 20 == 0) {
        ASSERT_NO_FATAL_FAILURE(compare_listings());
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Hashes, ModelTest, ::testing::Bool(),
                         [](const auto& hash) { return hash.param ? "Colliding" : "Real"; });

}  // namespace
}  // namespace ferro::node::store
