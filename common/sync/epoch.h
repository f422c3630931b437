// Epoch-based reclamation: readers walk shared structures without locks, the one writer unlinks, and memory
// is freed only after every reader that could have seen it has left (Fraser 2004).
//
// Thread rule: `pin()` from any thread, cheap (one store to a slot of the thread's own, no shared
// contention); `retire` and `collect` from the writer thread only. A guard must not outlive its domain nor be
// held across waiting. Guards nest.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace ferro::sync {

class EpochDomain {
 public:
  // Threads that may read at once; more abort with a clear message. Threads are few: one per core plus a
  // handful of workers.
  static constexpr size_t kReadersMax = 256;

  class Guard {
   public:
    explicit Guard(EpochDomain& domain);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    EpochDomain& domain_;
  };

  EpochDomain();
  ~EpochDomain();  // no reader may be inside; frees all that was retired
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;

  // Unlink first (with a sequentially consistent or released store), then retire. `free` runs on the writer
  // thread, in collect, once no reader can still hold what it frees; it may itself retire what that owned.
  void retire(std::function<void()> free);
  // Frees what has become safe, at most `max` items in order; returns how many still wait. Call after every
  // batch of changes.
  size_t collect(size_t max = SIZE_MAX);
  // Of those that still wait, some are safe already: the last collect() only stopped at its bound.
  bool more_is_safe() const noexcept { return more_is_safe_; }

 private:
  struct alignas(64) Slot {
    std::atomic<uint64_t> epoch{0};  // 0 = not reading
    std::atomic<bool> taken{false};
  };
  struct Slots {
    std::array<Slot, kReadersMax> all;
    std::atomic<size_t> used{0};  // slots ever taken: how far collect has to look
  };
  struct ThreadSlot;
  struct Retired {
    uint64_t epoch;
    std::function<void()> free;
  };
  friend class Guard;
  ThreadSlot& this_thread();

  const std::shared_ptr<Slots> slots_;
  const uint64_t id_;  // never reused, unlike an address
  std::atomic<uint64_t> epoch_{1};
  std::deque<Retired> retired_;  // writer thread only, like the next
  bool more_is_safe_ = false;
};

}  // namespace ferro::sync
