// Stores that are given the same operations in any order, some of them twice, hold the same; and where some
// got lost, an exchange of what differs makes them equal.
#include <map>
#include <random>

#include "node/store/digest.h"
#include "tests/unit/node/store/fixture.h"
#include "tests/unit/node/store/replica_fixture.h"

namespace ferro::node::store {
namespace {

class ConvergenceTest : public ::testing::TestWithParam<unsigned> {
 protected:
  bool one_in(unsigned n) { return random_() % n == 0; }
  template <typename List>
  const auto& any(const List& list) {
    return list[random_() % list.size()];
  }

  // Stamps a millisecond apart, from three nodes.
  Hlc stamp() {
    return {static_cast<uint64_t>(start_ms_ + ++stamps_) << 16, static_cast<uint32_t>(random_() % 3)};
  }
  int64_t made_at() const { return start_ms_ + static_cast<int64_t>(stamps_); }

  // What nodes decide in the course of a minute; `conflicts`: now and then of another dimension, as nodes may
  // that did not hear of each other.
  std::vector<model::Operation> history(size_t operations, bool conflicts) {
    std::vector<model::Operation> out;
    std::vector<EntryRef> put;
    for (size_t i = 0; i < operations; ++i) {
      const model::NamespaceKey& ns = any(keys_);
      if (one_in(60)) {
        out.emplace_back(model::DropNamespaceOp{ns, stamp()});
      } else if (!put.empty() && one_in(5)) {
        // Evicted or invalidated: exactly that version.
        const EntryRef& ref = any(put);
        const auto reason = one_in(2) ? model::DeleteReason::evicted : model::DeleteReason::invalidated;
        out.emplace_back(model::DeleteOp{ref.ns, ref.id, ref.version, reason, made_at()});
      } else if (one_in(5)) {
        out.emplace_back(model::DeleteOp{ns, any(ids_), stamp(), model::DeleteReason::requested, 0});
      } else {
        model::PutOp op;
        op.ns = ns;
        op.id = any(ids_);
        op.version = stamp();
        op.vector.assign(conflicts && one_in(30) ? 3 : 2, 0.0F);
        op.vector[random_() % 2] = 1.0F;
        op.query_text = "text " + std::to_string(random_() % 5);
        op.response = "r" + std::to_string(i);
        op.inserted_at_ms = made_at();
        op.expires_at_ms = one_in(3) ? made_at() + 1 + static_cast<int64_t>(random_() % 60'000) : 0;
        put.push_back({op.ns, op.id, op.version});
        out.emplace_back(std::move(op));
      }
    }
    return out;
  }

  void deliver(Replica& replica, std::vector<model::Operation> operations) {
    const size_t once = operations.size();
    for (size_t i = 0; i < once; ++i) {
      if (one_in(4)) operations.push_back(operations[i]);
    }
    std::shuffle(operations.begin(), operations.end(), random_);
    for (const model::Operation& op : operations) {
      // Another node's or, as after a crash, from the own log.
      replica.apply(op, one_in(2) ? Origin::elsewhere : Origin::here);
      if (one_in(20)) replica.reap_all();
      if (one_in(400)) replica.restart();
      if (one_in(8)) clock_.advance_ms(static_cast<int64_t>(random_() % 50));
    }
  }

  // The digests against the sum over what the store says it holds.
  void check_digests(const Replica& replica) {
    std::map<uint16_t, std::pair<uint64_t, uint64_t>> expected;
    std::string scratch;
    for (const model::NamespaceKey& ns : keys_) {
      auto& [digest, entries] = expected[model::partition_of(ns)];
      uint64_t of_namespace = 0, held = 0, gone = 0;
      for (const VersionOf& entry : replica.versions_of(ns)) {
        if (entry.tombstone) {
          ++gone;
        } else {
          of_namespace ^= entry_digest(ns, entry.id, entry.version, scratch);
          ++held;
        }
      }
      digest ^= of_namespace;
      entries += held;
      for (const NamespaceSummary& summary : replica.store->namespaces_in(model::partition_of(ns), 100)) {
        if (summary.ns != ns) continue;
        EXPECT_EQ(summary.digest, of_namespace);
        EXPECT_EQ(summary.entries, held);
        EXPECT_GE(summary.tombstones, gone);  // some may be covered by the floor
      }
    }
    for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
      const auto [digest, entries] = expected.contains(partition) ? expected[partition] : std::pair{0UL, 0UL};
      ASSERT_EQ(replica.store->partition_digest(partition), digest) << partition;
      ASSERT_EQ(replica.store->partition_entries(partition), entries) << partition;
    }
  }

  void expect_equal(const Replica& a, const Replica& b) {
    for (const model::NamespaceKey& ns : keys_) {
      ASSERT_EQ(a.state_of(ns), b.state_of(ns)) << model::printed_name(ns);
      const uint16_t partition = model::partition_of(ns);
      EXPECT_EQ(a.store->partition_digest(partition), b.store->partition_digest(partition));
    }
  }

  // What the one holds is given to the other.
  void push(const Replica& from, Replica& to) {
    for (const model::NamespaceKey& ns : keys_) {
      std::vector<std::string> ids = from.ids_of(ns);
      ids.emplace_back();
      std::shuffle(ids.begin(), ids.end(), random_);
      for (const std::string& encoded : from.store->encoded(ns, ids)) {
        auto op = model::decode(as_bytes(encoded));
        ASSERT_TRUE(op.ok()) << op.status().to_string();
        to.apply(*op);
      }
    }
  }

  std::mt19937_64 random_{GetParam()};
  ManualClock clock_;
  const int64_t start_ms_ = clock_.wall_ms();
  uint64_t stamps_ = 0;
  const std::vector<model::NamespaceKey> keys_{{"m::2", "", ""}, {"m::2", "s", ""}, {"m::2", "", "c"}};
  const std::vector<std::string> ids_{"a", "b", "c", "d", "e", "f", "g", "h"};
};

TEST_P(ConvergenceTest, TheOrderOfOperationsDoesNotMatter) {
  const std::vector<model::Operation> operations = history(400, false);
  Replica one(clock_), two(clock_), three(clock_);
  for (Replica* replica : {&one, &two, &three}) {
    deliver(*replica, operations);
    check_digests(*replica);
  }
  clock_.advance_ms(120'000);
  for (Replica* replica : {&one, &two, &three}) {
    replica->reap_all();
    check_digests(*replica);
  }
  expect_equal(one, two);
  expect_equal(one, three);
  two.restart();
  expect_equal(one, two);
}

TEST_P(ConvergenceTest, AnExchangeOfWhatTheyHoldMakesThemEqual) {
  Replica one(clock_), two(clock_);
  for (int round = 0; round < 4; ++round) {
    const std::vector<model::Operation> operations = history(150, true);
    std::vector<model::Operation> for_one, for_two;
    for (const model::Operation& op : operations) {
      const auto fate = random_() % 6;  // one of the two may never hear of it
      if (fate != 0) for_one.push_back(op);
      if (fate != 1) for_two.push_back(op);
    }
    deliver(one, for_one);
    deliver(two, for_two);
    clock_.advance_ms(120'000);
    one.reap_all();
    two.reap_all();
    // An entry that gave way to another dimension comes back only when that has gone everywhere.
    for (int exchange = 0; exchange < 3; ++exchange) {
      push(one, two);
      push(two, one);
    }
    expect_equal(one, two);
    check_digests(one);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConvergenceTest, ::testing::Range(1U, 25U));

}  // namespace
}  // namespace ferro::node::store
