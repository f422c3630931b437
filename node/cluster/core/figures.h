// What the cluster part counts; any thread may add and read.
#pragma once

#include <atomic>
#include <cstdint>

namespace ferro::node::cluster {

struct CoreFigures {
  std::atomic<uint64_t> forwards{0};  // requests sent on to an owner
  std::atomic<uint64_t> hedged_lookups{0};
  std::atomic<uint64_t> replication_failures{0}, replication_retries{0};
  std::atomic<uint64_t> read_repairs{0}, read_repair_failures{0};
  std::atomic<uint64_t> hints_dropped{0};
  std::atomic<uint64_t> ring_changes{0};
  std::atomic<uint64_t> gossip_bytes_sent{0}, gossip_bytes_received{0};
};

}  // namespace ferro::node::cluster
