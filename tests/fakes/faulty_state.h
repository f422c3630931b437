// Private to the faulty file system: what is seen, what is durable, and what lies between the two.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/io/file_system.h"

namespace ferro::tests::fakes {

inline constexpr size_t kSectorBytes = 512;

struct PendingWrite {
  uint64_t offset = 0;
  std::string data;
  bool truncate = false;  // to `offset`
};

struct Inode {
  std::string seen;
  std::string durable;
  std::vector<PendingWrite> pending;
};
using InodePtr = std::shared_ptr<Inode>;
using Names = std::map<std::string, InodePtr>;

// A change of a folder that is not synced: a new name, a lost one, or both (rename).
struct NameChange {
  std::string folder;
  std::string removed;  // path or empty
  std::string added;    // path or empty
  InodePtr inode;
};

// One fault that strikes once, after a number of events.
struct Countdown {
  uint64_t left = 0;
  StatusCode code = StatusCode::io_error;
  bool strikes() noexcept { return left != 0 && --left == 0; }
};

// Guarded by `mutex` throughout.
struct Disk {
  std::mutex mutex;
  std::mt19937_64 random;
  bool dead = false;
  uint64_t operations = 0;
  uint64_t crash_at = 0;
  uint64_t capacity = UINT64_MAX;
  bool out_of_descriptors = false;
  Countdown write_fault, sync_fault;
  std::set<std::string> folders{"."};
  std::set<std::string> locked;
  Names seen;
  Names durable;
  std::vector<NameChange> pending;

  bool coin() { return (random() & 1) != 0; }
  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : random() % bound; }
  uint64_t used() const;
  // Counts an operation. A status if it must not happen; `interrupted` if it is the one at which the crash
  // comes.
  Status begin(bool& interrupted);
  void change(NameChange change);
  static void apply(const NameChange& change, Names& names);
  static void apply(const PendingWrite& write, std::string& bytes);
  // What of the unsynced writes reached the disk on its own, by the dice.
  enum class Survival : uint8_t { none, all, some, first };
  void settle(Inode& inode, Survival survival);
};

}  // namespace ferro::tests::fakes
