// What a seed means: the cluster, its clients and everything that will go wrong, drawn before anything runs,
// so that a failing seed can print all of it. Values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/cluster/core/cluster_node.h"
#include "tests/fakes/fake_network.h"

namespace ferro::sim {

enum class Fault : uint8_t {
  lossy,            // links between a node and all others are slow and break
  partition,        // some nodes and the others do not reach each other
  one_way,          // the others do not hear some nodes, which hear them
  reset,            // all links of a node break at once, and may be made again
  kill,             // the process dies, the machine stays: nothing written is lost
  power_cut,        // unsynced writes are lost or torn
  power_cut_torn,   // the same in the middle of a write
  disk_lost,        // dies and comes back with an empty disk; only when every copy is there
  disk_full,        // for a while
  disk_failing,     // one sync or write fails; the operator restarts the node
  slow_disk,        // every batch takes long
  clock_step,       // the wall clock jumps, within what nodes tolerate or far beyond
  suspend,          // SIGSTOP, SIGCONT
  restart,          // leaves in good order and comes back
  add,              // a new node joins
  drain_cancelled,  // begins to hand over and thinks better of it
  drain,            // hands over, leaves, never comes back
  remove,           // dies and never comes back; only when every copy is there
};

std::string_view to_string(Fault fault) noexcept;
// Changes that an operator plans: nobody may notice them.
bool is_planned(Fault fault) noexcept;

struct Episode {
  Fault fault = Fault::kill;
  int64_t start_ms = 0;     // from the start of the faults; in a sequential plan from the calm before it
  int64_t duration_ms = 0;  // until it ends or the node comes back
  std::vector<size_t> machines;
  int64_t amount = 0;  // of lossy, slow_disk, clock_step: how bad (us, us, ms)
};

struct Plan {
  uint64_t seed = 0;
  size_t nodes = 3, factor = 2;
  node::cluster::WriteConsistency consistency = node::cluster::WriteConsistency::all;
  int64_t gossip_interval_ms = 500, re_replicate_after_ms = 5000, repair_interval_ms = 5000,
          tombstone_retention_ms = 86'400'000, request_timeout_ms = 1000, status_every_ms = 500;
  fakes::Path path;  // between any two while nothing is wrong
  std::vector<int64_t> clock_offsets_ms;
  int64_t sync_us = 200;  // of the log while the disk is well
  uint64_t compact_interval_inserts = 0, wal_segment_bytes = 1U << 16;
  // One fault at a time, each beginning from calm.
  bool sequential = false;
  int64_t faults_ms = 30'000;
  std::vector<Episode> episodes;

  size_t clients = 3;
  int64_t think_ms = 100;
  size_t scopes = 2, ids = 12;
  // Namespaces are spread over more partitions from so many entries on; 0 = never.
  uint64_t split_entries = 0;
  // The first node speaks the protocol from before that until it is restarted; so long nothing is spread.
  bool old_node = false;
  // Who left in good order, and said that others hold whatever it held, comes back with an empty disk.
  bool lost_after_stop = false;
};

// `nodes` 0: drawn too.
Plan make_plan(uint64_t seed, size_t nodes);
std::string describe(const Plan& plan);
std::string describe(const Episode& episode);

}  // namespace ferro::sim
