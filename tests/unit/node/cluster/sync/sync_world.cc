#include "tests/unit/node/cluster/sync/sync_world.h"

#include <utility>

#include "node/cluster/wire/codec.h"
#include "node/model/partition.h"

namespace ferro::node::cluster {
namespace {

constexpr int64_t kPumpMs = 1;

}  // namespace

std::shared_ptr<const Placement> ring_of(const std::vector<NodeId>& ids, size_t factor) {
  std::vector<RingMember> members;
  for (const NodeId& id : ids) members.push_back({id, 64});
  return std::make_shared<const Placement>(Placement::build(std::move(members), factor));
}

model::NamespaceKey key_of(const std::string& ns) {
  return {ns, "", ""};
}

SyncNode::SyncNode(SyncWorld& a_world, NodeId an_id, std::unique_ptr<tests::fakes::FaultyFileSystem> a_fs)
    : world(a_world),
      id(std::move(an_id)),
      fs(std::move(a_fs)),
      loop(world.timeline),
      network(world.fabric, loop, {id, 1}) {
  engine::EngineOptions options;
  options.data_folder = "data";
  options.node_id = id;
  options.manual = true;
  options.wal_segment_bytes = 1U << 20;
  options.compact_interval_inserts = 0;
  options.tombstone_retention_ms = world.tombstone_retention_ms;
  options.boot_id = id;
  engine::OpenReport report;
  auto opened = engine::Engine::open(options, *fs, loop.clock(), report);
  EXPECT_TRUE(opened.ok()) << opened.status().to_string();
  engine = std::move(*opened);
  engine->set_decision_sink(this);
  PeersOptions peer_options;
  peer_options.self = id;
  peer_options.cluster_id = "test";
  peer_options.generation = static_cast<uint64_t>(world.timeline.now_us()) + 1;
  peers = Peers::create(peer_options, loop, network, *this);
  loop.after(kPumpMs, [this] { pump(); });
}

SyncNode::~SyncNode() {
  syncer.reset();
  peers->stop();
  network.stop();
  loop.end();
  engine->stop();
}

void SyncNode::pump() {
  engine->pump();
  loop.after(kPumpMs, [this] { pump(); });
}

void SyncNode::on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                          int64_t /*decide_by_ns*/, RespondFn respond) {
  if (!syncer->on_request(from, type, body, version, respond)) respond(Status::invalid("not here"));
}

void SyncNode::on_decided(std::vector<engine::Decided> operations) {
  for (const NodeId& replica : replicas) {
    ApplyMessage message;
    for (const engine::Decided& decided : operations) message.operations.push_back(*decided.encoded);
    loop.post([this, replica, message] {
      peers->call(replica, MessageType::apply, encode(message), 1000, [](Result<std::string_view>) {});
    });
  }
}

void SyncNode::put(const std::string& ns, const std::string& entry, const std::string& response) {
  engine::InsertRequest request;
  request.ns = key_of(ns);
  request.id = entry;
  request.unit_vector = {1.0F, 0.0F};
  request.query_text = "question " + entry;
  request.response = response;
  engine->insert(std::move(request), [](const Result<std::string>& result) {
    EXPECT_TRUE(result.ok()) << result.status().to_string();
  });
  engine->pump();
}

void SyncNode::remove(const std::string& ns, const std::string& entry) {
  engine::RemoveRequest request;
  request.id = entry;
  request.ns = key_of(ns);
  engine->remove(std::move(request), [](const Result<uint64_t>&) {});
  engine->pump();
}

void SyncNode::drop(const std::string& ns) {
  engine->drop_namespace({key_of(ns)}, [](const Result<uint64_t>&) {});
  engine->pump();
}

bool SyncNode::has(const std::string& ns, const std::string& entry) const {
  for (const store::EntryView& found : engine->find(entry, false)) {
    if (found.ns == key_of(ns)) return true;
  }
  return false;
}

std::set<Held> SyncNode::held(bool tombstones) const {
  std::set<Held> held;
  const store::Store& store = engine->store();
  for (size_t partition = 0; partition < model::kPartitions; ++partition) {
    for (const auto& summary : store.namespaces_in(static_cast<uint16_t>(partition), SIZE_MAX)) {
      const std::string name = model::printed_name(summary.ns);
      const store::NamespaceVersions versions = store.versions(summary.ns, 0, 1);
      for (const store::VersionOf& entry : versions.entries) {
        if (!tombstones && entry.tombstone) continue;
        held.emplace(name, entry.id, entry.version.ticks, entry.version.node, entry.tombstone);
      }
      if (tombstones && versions.floors.all != Hlc{}) {
        held.emplace(name, "", versions.floors.all.ticks, versions.floors.all.node, true);
      }
    }
  }
  return held;
}

uint64_t SyncNode::entries() const {
  uint64_t entries = 0;
  for (size_t i = 0; i < model::kPartitions; ++i) {
    entries += engine->store().partition_entries(static_cast<uint16_t>(i));
  }
  return entries;
}

SyncNode& SyncWorld::add(const NodeId& id, int64_t last_alive_ms,
                         std::unique_ptr<tests::fakes::FaultyFileSystem> fs) {
  if (fs == nullptr) fs = std::make_unique<tests::fakes::FaultyFileSystem>(7);
  SyncNode& node = *(nodes_[id] = std::make_unique<SyncNode>(*this, id, std::move(fs)));
  SyncOptions options = sync_options;
  options.self = id;
  options.last_alive_ms = last_alive_ms;
  SyncEvents events;
  events.caught_up = [this, &node](uint64_t current, uint64_t target) {
    node.caught_up.emplace_back(current, target);
    node.view.in_sync = true;
    node.view.complete = node.view.in_current;
    push_view(node);
  };
  events.handed_over = [&node](uint64_t ring) { node.handed_over.push_back(ring); };
  node.syncer = std::make_unique<Syncer>(options, *node.engine, node.loop, *node.peers, std::move(events));
  for (auto& [other, peer] : nodes_) {
    node.peers->set_address(other, {other, 1});
    peer->peers->set_address(id, {id, 1});
  }
  return node;
}

std::unique_ptr<tests::fakes::FaultyFileSystem> SyncWorld::kill(const NodeId& id) {
  auto fs = nodes_.at(id)->fs->after_kill(3);
  nodes_.erase(id);
  return fs;
}

std::vector<NodeId> SyncWorld::ids() const {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes_) ids.push_back(id);
  return ids;
}

void SyncWorld::push_view(SyncNode& node) {
  node.view.live.clear();
  node.view.complete_peers.clear();
  for (const auto& [other, peer] : nodes_) {
    if (other == node.id) continue;
    node.view.live.insert(other);
    if (peer->view.complete) node.view.complete_peers.insert(other);
  }
  node.view.connected = node.view.complete;
  node.syncer->set_view(node.view);
}

void SyncWorld::rings(const std::shared_ptr<const Placement>& current,
                      const std::shared_ptr<const Placement>& target, const std::set<NodeId>& complete) {
  for (auto& [id, node] : nodes_) {
    SyncView& view = node->view;
    view.current = current;
    view.target = target;
    view.agreed = true;
    view.changing = current->fingerprint() != target->fingerprint();
    view.in_current = current->partitions_of(id).any();
    view.complete = complete.contains(id);
    view.in_sync = view.complete && !view.changing;
  }
  for (auto& [id, node] : nodes_) push_view(*node);
}

void SyncWorld::one_ring(const std::set<NodeId>& complete) {
  const auto ring = ring_of(ids(), nodes_.size());
  rings(ring, ring, complete);
}

bool SyncWorld::all_hold_the_same() const {
  const std::set<Held> first = nodes_.begin()->second->held();
  for (const auto& [id, node] : nodes_) {
    if (node->held() != first) return false;
  }
  return true;
}

}  // namespace ferro::node::cluster
