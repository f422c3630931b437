#include "node/config/memory_budget.h"

#include <string>

#include "node/config/config.h"
#include "tests/unit/node/config/folder.h"

namespace ferro::node::config {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t eighty_percent(uint64_t bytes) {
  return bytes / 10 * 8;
}

// A root folder made of the files that the kernel would show.
class MemoryBudget : public InFolder {
 protected:
  void SetUp() override {
    InFolder::SetUp();
    write("proc/meminfo", "MemFree:   1 kB\nMemTotal:       16777216 kB\nMemAvailable: 5 kB\n");
  }
  uint64_t budget() const { return memory_budget(folder_.string()); }
};

TEST_F(MemoryBudget, TheMachineWithoutGroups) {
  EXPECT_EQ(budget(), eighty_percent(16 * kGiB));
}

TEST_F(MemoryBudget, Version2SmallestOfTheGroupAndThoseAbove) {
  write("proc/self/cgroup", "0::/kube/pod/container\n");
  write("sys/fs/cgroup/kube/pod/container/memory.max", "max\n");
  EXPECT_EQ(budget(), eighty_percent(16 * kGiB));
  write("sys/fs/cgroup/kube/pod/memory.max", "2147483648\n");
  EXPECT_EQ(budget(), eighty_percent(2 * kGiB));
  write("sys/fs/cgroup/kube/pod/container/memory.max", "1073741824\n");
  EXPECT_EQ(budget(), eighty_percent(kGiB));
}

TEST_F(MemoryBudget, Version2InAContainersOwnNamespace) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "536870912\n");
  EXPECT_EQ(budget(), eighty_percent(kGiB / 2));
}

TEST_F(MemoryBudget, AGroupPathOfTheHostCountsItsRoot) {
  write("proc/self/cgroup", "0::/system.slice/docker-123.scope\n");
  write("sys/fs/cgroup/memory.max", "536870912\n");
  EXPECT_EQ(budget(), eighty_percent(kGiB / 2));
}

TEST_F(MemoryBudget, Version1) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/1\n1:name=systemd:/x\n");
  write("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "9223372036854771712\n");  // no limit
  EXPECT_EQ(budget(), eighty_percent(16 * kGiB));
  write("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "1073741824\n");
  EXPECT_EQ(budget(), eighty_percent(kGiB));
}

TEST_F(MemoryBudget, NonsenseIsNoLimit) {
  write("proc/self/cgroup", "\n::\n0:\n0::relative\n:memory:\nmemory\n" + std::string(5000, '/'));
  write("sys/fs/cgroup/memory.max", "-5\n");
  EXPECT_EQ(budget(), eighty_percent(16 * kGiB));
  write("proc/meminfo", "MemTotal: lots\n");
  EXPECT_EQ(budget(), eighty_percent(kGiB));  // nothing known
  write("sys/fs/cgroup/memory.max", "4096\n");
  write("proc/self/cgroup", "0::/\n");
  EXPECT_EQ(budget(), uint64_t{16} << 20);
}

TEST_F(MemoryBudget, OfThisMachineIsPlausible) {
  EXPECT_GE(default_memory_budget(), uint64_t{16} << 20);
  EXPECT_LT(default_memory_budget(), uint64_t{1} << 50);
}

}  // namespace
}  // namespace ferro::node::config
