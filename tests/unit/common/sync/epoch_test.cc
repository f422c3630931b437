#include "common/sync/epoch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>
#include <thread>
#include <vector>

namespace ferro::sync {
namespace {

// Freeing a million things at once held its thread for a second.
TEST(Epoch, FreesInSlicesWhenAskedTo) {
  EpochDomain domain;
  std::vector<int> freed;
  for (int i = 0; i < 10; ++i) {
    domain.retire([&freed, &domain, i] {
      freed.push_back(i);
      if (i == 9) domain.retire([&freed] { freed.push_back(10); });
    });
  }
  EXPECT_EQ(domain.collect(4), 6U);
  EXPECT_TRUE(domain.more_is_safe());
  EXPECT_EQ(domain.collect(4), 2U);
  {
    std::optional<EpochDomain::Guard> guard(domain);
    EXPECT_EQ(domain.collect(4), 1U) << "what the last one retired waits for the reader";
    EXPECT_FALSE(domain.more_is_safe());
  }
  EXPECT_EQ(domain.collect(4), 0U);
  EXPECT_FALSE(domain.more_is_safe());
  EXPECT_EQ(freed, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(Epoch, FreesAtOnceWhenNobodyReads) {
  EpochDomain domain;
  bool freed = false;
  domain.retire([&] { freed = true; });
  EXPECT_EQ(domain.collect(), 0U);
  EXPECT_TRUE(freed);
}

TEST(Epoch, WaitsForAReaderThatWasInsideEvenIfNested) {
  EpochDomain domain;
  bool freed = false;
  {
    EpochDomain::Guard outer(domain);
    domain.retire([&] { freed = true; });
    { EpochDomain::Guard inner(domain); }
    EXPECT_EQ(domain.collect(), 1U);
    EXPECT_FALSE(freed);
  }
  EXPECT_EQ(domain.collect(), 0U);
  EXPECT_TRUE(freed);
}

TEST(Epoch, ALaterReaderDoesNotHoldBackWhatWasRetiredBefore) {
  EpochDomain domain;
  int freed = 0;
  {
    EpochDomain::Guard early(domain);
    domain.retire([&] { ++freed; });
    domain.collect();
  }
  EpochDomain::Guard late(domain);
  domain.collect();
  EXPECT_EQ(freed, 1);
}

TEST(Epoch, TheDestructorFreesWhatIsLeft) {
  bool freed = false;
  {
    EpochDomain domain;
    domain.retire([&] { freed = true; });
  }
  EXPECT_TRUE(freed);
}

TEST(Epoch, WhatIsFreedMayRetireWhatItOwned) {
  int freed = 0;
  {
    EpochDomain domain;
    for (int i = 0; i < 100; ++i) {
      domain.retire([&] {
        ++freed;
        for (int k = 0; k < 100; ++k) domain.retire([&] { ++freed; });
      });
    }
    domain.collect();
    domain.retire([&] { domain.retire([&] { ++freed; }); });
  }
  EXPECT_EQ(freed, 100 + 100 * 100 + 1);
}

TEST(Epoch, SlotsOfEndedThreadsAreUsedAgain) {
  EpochDomain domain;
  for (size_t i = 0; i < EpochDomain::kReadersMax * 3; ++i) {
    std::thread([&] { EpochDomain::Guard guard(domain); }).join();
  }
}

// Readers follow a pointer that the writer keeps replacing; each object is poisoned when freed. A reader that
// sees poison read freed memory. (Under the sanitizers the access itself is reported too.)
TEST(Epoch, AReaderNeverSeesFreedMemory) {
  struct Node {
    std::atomic<uint64_t> value{42};
  };
  EpochDomain domain;
  std::atomic<Node*> shared{new Node};
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> bad{0};
  std::latch started(3);
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      started.count_down();
      while (!stop.load()) {
        EpochDomain::Guard guard(domain);
        if (shared.load()->value.load() != 42) ++bad;
      }
    });
  }
  started.wait();
  for (int i = 0; i < 20'000; ++i) {
    Node* old = shared.exchange(new Node);
    domain.retire([old] {
      old->value.store(0);
      delete old;
    });
    domain.collect();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(bad.load(), 0U);
  delete shared.load();
}

}  // namespace
}  // namespace ferro::sync
