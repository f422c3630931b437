#include "common/sync/thread_role.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace ferro::sync {

namespace {

// The shortest slice that Linux grants (since 6.12; earlier ones ignore the field): a thread with a short
// slice is run soon after it wakes, even beside threads that never sleep.
constexpr uint64_t kServingSliceNs = 100'000;
// Weighs 110 where an ordinary thread weighs 1,024: slow beside a busy service, and never at a standstill.
constexpr int32_t kBackgroundNice = 10;
constexpr size_t kNameLength = 15;

// What sched_setattr(2) takes, first version. The kernel's header for it collides with glibc's <sched.h>.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;  // of an ordinary thread: its slice
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};

}  // namespace

void set_thread_role(const char* name, ThreadRole role) noexcept {
  char kept[kNameLength + 1] = {};
  for (size_t i = 0; i < kNameLength && name[i] != '\0'; ++i) kept[i] = name[i];
  ::pthread_setname_np(::pthread_self(), kept);
  SchedulingAttributes attributes;
  // An administrator who started the process nicer than usual keeps that.
  attributes.nice = ::getpriority(PRIO_PROCESS, 0);
  if (role == ThreadRole::serving) {
    attributes.runtime_ns = kServingSliceNs;
  } else {
    attributes.policy = SCHED_BATCH;
    attributes.nice = std::max(attributes.nice, kBackgroundNice);
  }
  // Of this thread alone; glibc has no wrapper.
  static_cast<void>(::syscall(SYS_sched_setattr, 0, &attributes, 0U));
}

}  // namespace ferro::sync
