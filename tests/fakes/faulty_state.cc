#include "tests/fakes/faulty_state.h"

#include <algorithm>
#include <utility>

namespace ferro::tests::fakes {

uint64_t Disk::used() const {
  uint64_t bytes = 0;
  for (const auto& [path, inode] : seen) bytes += inode->seen.size();
  return bytes;
}

Status Disk::begin(bool& interrupted) {
  interrupted = false;
  if (dead) return Status::io_error("the machine has crashed");
  ++operations;
  if (crash_at != 0 && operations == crash_at) {
    interrupted = true;
    dead = true;
  }
  return {};
}

void Disk::apply(const NameChange& change, Names& names) {
  if (!change.removed.empty()) names.erase(change.removed);
  if (!change.added.empty()) names[change.added] = change.inode;
}

void Disk::change(NameChange change) {
  apply(change, seen);
  pending.push_back(std::move(change));
}

void Disk::apply(const PendingWrite& write, std::string& bytes) {
  if (write.truncate) {
    bytes.resize(write.offset, '\0');
    return;
  }
  if (bytes.size() < write.offset + write.data.size()) bytes.resize(write.offset + write.data.size(), '\0');
  bytes.replace(write.offset, write.data.size(), write.data);
}

void Disk::settle(Inode& inode, Survival survival) {
  const size_t cut =
      below(inode.pending.size() + 1);  // for `first`: writes reach the disk in order up to here
  for (size_t i = 0; i < inode.pending.size(); ++i) {
    const PendingWrite& write = inode.pending[i];
    const auto survives = [&] {
      return survival == Survival::all || (survival == Survival::first && i < cut) ||
             (survival == Survival::some && coin());
    };
    if (write.truncate) {
      if (survives()) apply(write, inode.durable);
      continue;
    }
    size_t done = 0;
    while (done < write.data.size()) {
      const uint64_t offset = write.offset + done;
      const size_t piece = std::min<size_t>(kSectorBytes - offset % kSectorBytes, write.data.size() - done);
      if (survives()) apply({offset, write.data.substr(done, piece), false}, inode.durable);
      done += piece;
    }
  }
  inode.pending.clear();
}

}  // namespace ferro::tests::fakes
