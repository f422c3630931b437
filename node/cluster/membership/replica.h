// One node's versioned key-values, as far as they are known here, at one generation: the state that
// scuttlebutt reconciles. The node itself writes its own with set(), erase() and collect(); everybody else's
// grows by apply().
//
// What is known is always all there was up to max_version(), less what was erased up to collected(). So a
// digest of two numbers says what is missing, and a cut message is a shorter, still whole answer.
// Owned by the member's record, on its loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "node/cluster/wire/gossip.h"

namespace ferro::node::cluster {

class Replica {
 public:
  explicit Replica(uint64_t generation) : generation_(generation) {}

  uint64_t generation() const noexcept { return generation_; }
  uint64_t max_version() const noexcept { return max_version_; }
  uint64_t collected() const noexcept { return collected_; }
  GossipDigest digest(const NodeId& node, uint64_t heartbeat) const;
  // The values that are there, erased ones not.
  std::map<std::string, std::string, std::less<>> values() const;
  size_t key_count() const noexcept { return by_key_.size(); }  // erased ones too, until collected

  // --- of this node ---
  bool set(std::string_view key, std::string value);  // false: it has that value already
  bool erase(std::string_view key);                   // false: there is no such value
  // Every erased key up to this version is known to be erased everywhere.
  void collect(uint64_t upto);
  // The same values, as another generation.
  void restart(uint64_t generation) { generation_ = generation; }

  // --- of another ---
  // Takes what fits on what is known; the rest is refused, to be asked for again. True if a value changed.
  bool apply(const GossipDelta& delta);
  // The node has collected up to this version.
  void note_collected(uint64_t upto);

  // --- answers ---
  // An answer without values yet to somebody whose digest says this (of the same generation), or who knows
  // nothing (`reset`).
  GossipDelta answer(const NodeId& node, uint64_t heartbeat, const GossipDigest* known) const;
  // Adds values while they fit into `budget` bytes, which it lowers.
  void fill(GossipDelta& delta, size_t& budget) const;

 private:
  struct Entry {
    std::string value;
    uint64_t version = 0;
    bool erased = false;
  };
  void put(std::string_view key, Entry entry);
  void drop_erased(uint64_t upto);

  uint64_t generation_;
  uint64_t max_version_ = 0, collected_ = 0;
  std::map<std::string, Entry, std::less<>> by_key_;
  std::map<uint64_t, std::string> by_version_;
};

}  // namespace ferro::node::cluster
