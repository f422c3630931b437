#include "common/sync/thread_role.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <string>
#include <thread>

namespace ferro::sync {
namespace {

struct Seen {
  std::string name;
  int policy = -1;
  int nice = 0;
};

Seen seen_by_itself() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return {name, sched_getscheduler(0), getpriority(PRIO_PROCESS, 0)};  // on Linux: of the calling thread
}

Seen after(const char* name, ThreadRole role) {
  Seen seen;
  std::thread([&] {
    set_thread_role(name, role);
    seen = seen_by_itself();
  }).join();
  return seen;
}

TEST(ThreadRole, BackgroundWorkGivesWay) {
  const Seen seen = after("index", ThreadRole::background);
  EXPECT_EQ(seen.name, "index");
  EXPECT_EQ(seen.policy, SCHED_BATCH);
  EXPECT_GE(seen.nice, 10);
}

TEST(ThreadRole, ServingKeepsTheNicenessOfTheProcess) {
  const Seen before = seen_by_itself();
  const Seen seen = after("a name that is too long for the kernel", ThreadRole::serving);
  EXPECT_EQ(seen.name, "a name that is ");
  EXPECT_EQ(seen.policy, SCHED_OTHER);
  EXPECT_EQ(seen.nice, before.nice);
}

TEST(ThreadRole, OtherThreadsKeepTheirs) {
  const Seen before = seen_by_itself();
  after("other", ThreadRole::background);
  const Seen now = seen_by_itself();
  EXPECT_EQ(now.name, before.name);
  EXPECT_EQ(now.policy, before.policy);
  EXPECT_EQ(now.nice, before.nice);
}

}  // namespace
}  // namespace ferro::sync
