// A library to preload: the process sees the wall clock shifted by what the file named in
// FERRO_CLOCK_SHIFT_FILE holds (eight bytes, seconds, native order), at every moment. The steady clock is
// left alone.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

const std::atomic<int64_t>* map_shift() {
  const char* const path = std::getenv("FERRO_CLOCK_SHIFT_FILE");
  const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return nullptr;
  void* const mapped = ::mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  return mapped == MAP_FAILED ? nullptr : static_cast<const std::atomic<int64_t>*>(mapped);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, struct timespec* time) {
  const long result = ::syscall(SYS_clock_gettime, clock, time);
  if (result != 0 || clock != CLOCK_REALTIME) return static_cast<int>(result);
  static const std::atomic<int64_t>* const shift = map_shift();
  if (shift != nullptr) time->tv_sec += shift->load(std::memory_order_relaxed);
  return 0;
}
