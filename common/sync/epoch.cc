#include "common/sync/epoch.h"

#include <algorithm>
#include <vector>

#include "common/base/assert.h"

namespace ferro::sync {

namespace {

std::atomic<uint64_t> next_domain_id{1};

}  // namespace

// This thread's place in one domain. The thread gives its slots back when it ends, if the domain still lives:
// the slot array is shared so that neither end has to know which dies first.
struct EpochDomain::ThreadSlot {
  uint64_t domain_id = 0;
  std::shared_ptr<Slots> slots;
  Slot* slot = nullptr;
  unsigned depth = 0;
};

namespace {

template <typename Entry>
struct ThreadSlots {
  std::vector<Entry> entries;
  ~ThreadSlots() {
    for (Entry& entry : entries) entry.slot->taken.store(false, std::memory_order_release);
  }
};

}  // namespace

EpochDomain::EpochDomain() : slots_(std::make_shared<Slots>()), id_(next_domain_id.fetch_add(1)) {}

EpochDomain::~EpochDomain() {
  for (Slot& slot : slots_->all) {
    FERRO_ASSERT(slot.epoch.load() == 0, "an epoch domain is destroyed while a reader is inside");
  }
  // One at a time: what is freed may retire what it owned.
  while (!retired_.empty()) {
    retired_.front().free();
    retired_.pop_front();
  }
}

EpochDomain::ThreadSlot& EpochDomain::this_thread() {
  thread_local ThreadSlots<ThreadSlot> mine;
  for (ThreadSlot& entry : mine.entries) {
    if (entry.domain_id == id_) return entry;
  }
  // Forget slots of domains that are gone: only this thread still holds them.
  std::erase_if(mine.entries, [](const ThreadSlot& entry) { return entry.slots.use_count() == 1; });
  for (size_t i = 0; i < kReadersMax; ++i) {
    Slot& slot = slots_->all[i];
    bool expected = false;
    if (slot.taken.load(std::memory_order_relaxed) || !slot.taken.compare_exchange_strong(expected, true))
      continue;
    size_t used = slots_->used.load();
    while (used < i + 1 && !slots_->used.compare_exchange_weak(used, i + 1)) {
    }
    mine.entries.push_back({id_, slots_, &slot, 0});
    return mine.entries.back();
  }
  FERRO_ASSERT(false, "more threads read at once than kReadersMax");
}

EpochDomain::Guard::Guard(EpochDomain& domain) : domain_(domain) {
  ThreadSlot& mine = domain.this_thread();
  // Exchange, not store: collect() reads the slot by a read-modify-write too, so either collect sees this
  // reader, or this exchange reads what collect wrote and with it sees everything unlinked before that
  // collect. The epoch read here may be one behind; that only delays freeing.
  if (mine.depth++ == 0) mine.slot->epoch.exchange(domain.epoch_.load(), std::memory_order_acq_rel);
}

EpochDomain::Guard::~Guard() {
  ThreadSlot& mine = domain_.this_thread();
  if (--mine.depth == 0) mine.slot->epoch.store(0, std::memory_order_release);
}

void EpochDomain::retire(std::function<void()> free) {
  retired_.push_back({epoch_.load(std::memory_order_relaxed), std::move(free)});
}

size_t EpochDomain::collect(size_t max) {
  more_is_safe_ = false;
  if (retired_.empty()) return 0;
  const uint64_t now = epoch_.fetch_add(1, std::memory_order_acq_rel) + 1;
  uint64_t oldest = now;
  const size_t used = slots_->used.fetch_add(0, std::memory_order_acq_rel);
  for (size_t i = 0; i < used; ++i) {
    const uint64_t epoch = slots_->all[i].epoch.fetch_add(0, std::memory_order_acq_rel);
    if (epoch != 0) oldest = std::min(oldest, epoch);
  }
  for (size_t freed = 0; !retired_.empty() && retired_.front().epoch < oldest; ++freed) {
    if (freed == max) {
      more_is_safe_ = true;
      break;
    }
    retired_.front().free();
    retired_.pop_front();
  }
  return retired_.size();
}

}  // namespace ferro::sync
