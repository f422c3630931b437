#include "node/cluster/sync/gather.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ferro::node::cluster {
namespace {

// Looked up in one go. Sizes are known only afterwards, and an entry may take 64 MiB: what turns out too
// large is looked up again one by one.
constexpr size_t kStride = 16;
constexpr size_t kStrideBytesMax = 8 * kSyncMessageBytes;

std::vector<std::string> look_up(const store::Store& store, const model::NamespaceKey& ns,
                                 const std::vector<std::string>& ids, size_t from, size_t to) {
  const auto begin = ids.begin();
  return store.encoded(ns,
                       {begin + static_cast<std::ptrdiff_t>(from), begin + static_cast<std::ptrdiff_t>(to)});
}

size_t bytes_of(const std::vector<std::string>& operations) {
  size_t bytes = 0;
  for (const std::string& operation : operations) bytes += operation.size();
  return bytes;
}

}  // namespace

Gathered gather(const store::Store& store, const model::NamespaceKey& ns, const std::vector<std::string>& ids,
                size_t first) {
  Gathered gathered;
  gathered.next = first;
  const size_t end = std::min(ids.size(), first + kSyncMessageIds);
  size_t stride = kStride;
  while (gathered.next < end && gathered.bytes < kSyncMessageBytes) {
    const size_t until = std::min(end, gathered.next + stride);
    std::vector<std::string> operations = look_up(store, ns, ids, gathered.next, until);
    const size_t bytes = bytes_of(operations);
    if (bytes > kStrideBytesMax && stride > 1) {
      stride = 1;
      continue;
    }
    // A large one never shares a message: with its like it would not fit into a frame.
    if (bytes > kStrideBytesMax && !gathered.operations.empty()) break;
    gathered.bytes += bytes;
    std::move(operations.begin(), operations.end(), std::back_inserter(gathered.operations));
    gathered.next = until;
  }
  return gathered;
}

}  // namespace ferro::node::cluster
