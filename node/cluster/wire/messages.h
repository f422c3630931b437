// What nodes ask of each other, as values. Every request has one reply; gossip's third message and Hello have
// none. Encoding: codec.h, docs/formats/peer_protocol.md.
//
// An entry's operation travels as the very bytes that the log holds (model::encode), so what arrives is what
// was written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "node/cluster/placement/placement.h"
#include "node/cluster/wire/gossip.h"
#include "node/engine/engine.h"
#include "node/model/partition.h"

namespace ferro::node::cluster {

// This program speaks the versions in between; two nodes use the highest that both speak.
inline constexpr uint16_t kProtocolVersion = 3;
inline constexpr uint16_t kProtocolVersionMin = 1;

enum class MessageType : uint8_t {
  hello = 1,
  gossip_syn = 2,   // -> GossipAck
  gossip_ack2 = 3,  // one way
  ping = 4,         // -> empty
  retire_link = 5,  // one way, no body: the last request on this link from this side
  lookup = 10,
  insert = 11,
  remove = 12,
  drop_namespace = 13,
  invalidate = 14,
  find = 15,
  count_entries = 16,
  list_namespaces = 17,
  top_entries = 18,
  apply = 20,     // replication, hints, repair, hand-over
  digests = 21,   // compare partitions
  versions = 22,  // compare one namespace
  fetch = 23,     // operations of some ids of one namespace
  accesses = 24,  // one way: what the sender handed out of entries that the receiver has, too
};

// First frame on every link, both ways; nothing else is read before it. A cluster id that differs, no common
// version or the receiver's own node id ends the link.
struct Hello {
  uint16_t version_min = kProtocolVersionMin, version = kProtocolVersion;
  std::string cluster_id;
  NodeId node;
  uint64_t generation = 0;
  std::string software;   // for people
  uint64_t clock_ms = 0;  // the sender's steady clock; 0 = it does not say
};

struct LookupMessage {
  model::NamespaceKey ns;
  bool only_this_namespace = false;  // a conversation's base is asked elsewhere
  bool count = true;                 // false: a second opinion, not a query of a client
  std::vector<float> unit_vector;
  std::string query_text;
  std::optional<float> threshold;
  uint16_t top_k = 1;
  model::Attributes attributes;
  model::SlotSet slots = model::kAllSlots;  // others are asked for the rest
};
struct LookupReply {
  engine::LookupResult result;
};

struct InsertMessage {
  std::vector<engine::InsertRequest> items;  // every one with its id: sending it again changes nothing
};
struct ItemReply {
  Status status;
  std::string id;
};
struct InsertReply {
  std::vector<ItemReply> items;  // in order
};

struct RemoveMessage {
  engine::RemoveRequest request;
  model::PartitionSet partitions;  // only entries in these ...
  uint64_t splits = 0;             // ... by the split table of this fingerprint; so everywhere below
};
struct DropNamespaceMessage {
  model::NamespaceKey ns;
  model::SlotSet slots = model::kAllSlots;
};
struct CountReply {  // of remove, drop_namespace and count_entries
  uint64_t count = 0;
};

struct InvalidateMessage {
  engine::InvalidateRequest request;
  model::PartitionSet partitions;
  uint64_t splits = 0;
};
struct IdsReply {
  std::vector<std::string> ids;
};

struct FindMessage {
  std::string id;
  bool with_vector = false;
  model::PartitionSet partitions;
  uint64_t splits = 0;
};
struct FindReply {
  std::vector<store::EntryView> entries;
};

struct ListNamespacesMessage {
  model::PartitionSet partitions;
  std::string prefix, after;  // printed names
  uint32_t limit = 0;
  uint64_t splits = 0;
};
struct ListNamespacesReply {
  std::vector<store::NamespaceStats> namespaces;
};
struct TopEntriesMessage {
  model::PartitionSet partitions;
  uint32_t top = 0;
  uint32_t namespaces_max = 0;
  uint64_t splits = 0;
};
struct TopEntriesReply {
  std::vector<std::pair<std::string, std::vector<store::TopEntry>>> namespaces;
};
struct CountEntriesMessage {
  model::PartitionSet partitions;
  uint64_t splits = 0;
};

struct ApplyMessage {
  std::vector<std::string> operations;  // model::encode
};
struct ApplyReply {
  uint64_t applied = 0;  // changed something; the rest was known or outdated
};

struct DigestsMessage {
  struct Item {
    uint16_t partition = 0;
    uint64_t digest = 0;
    uint64_t only = 0;  // model::namespace_hash: of the partition only that namespace; 0 = all
  };
  std::vector<Item> items;
  uint64_t splits = 0;
};
struct NamespaceDigest {
  model::NamespaceKey ns;
  uint64_t digest = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  store::Floors floors;  // everything at or below them was dropped
};
struct DigestsReply {
  struct Item {
    uint16_t partition = 0;
    std::vector<NamespaceDigest> namespaces;  // all of the partition; none: it is empty there
    bool complete = true;                     // false: too many for one message, compare these first
    uint64_t only = 0;                        // as asked
  };
  std::vector<Item> differing;    // the partitions of the request whose digest is another here
  int64_t collected_upto_ms = 0;  // tombstones older than this have been given up here
};

// A namespace's ids fall into `buckets` (a power of two) by their hash; one bucket at a time bounds the
// message.
struct VersionsMessage {
  model::NamespaceKey ns;
  uint32_t bucket = 0, buckets = 1;
  model::SlotSet slots = model::kAllSlots;
};
struct EntryVersion {
  std::string id;
  Hlc version;
  bool tombstone = false;
};
struct VersionsReply {
  std::vector<EntryVersion> entries;
  store::Floors floors;
};

struct FetchMessage {
  model::NamespaceKey ns;
  std::vector<std::string> ids;
};
struct FetchReply {
  std::vector<std::string> operations;  // puts, or deletes for tombstones; none for an id unknown here
};

struct AccessesMessage {
  struct OfNamespace {
    model::NamespaceKey ns;
    std::vector<store::AccessCount> entries;
  };
  std::vector<OfNamespace> namespaces;
};

inline constexpr size_t kWireItemsMax = 65'536;  // elements of any list in a message, but:
inline constexpr size_t kWireIdsMax = 600'000;   // of an IdsReply; with the longest ids it still is one frame

}  // namespace ferro::node::cluster
