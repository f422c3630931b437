// The bytes of protocol versions 1 to 3, as every later version must read them and, towards a node of that
// version, write them. They were made from docs/formats/peer_protocol.md by a program apart from the codec.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "fields_of.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {
namespace {

const model::NamespaceKey kNamespace = {"m::2", "tenant a", "42"};
const std::vector<float> kVector = {0.6F, -0.8F};

std::string golden(const std::string& name) {
  std::ifstream in("tests/golden/peer_protocol/" + name + ".bin", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

template <typename M>
void expect_golden(const std::string& name, const M& message, uint16_t version = 1) {
  SCOPED_TRACE(name);
  const std::string bytes = golden("v" + std::to_string(version) + "/" + name);
  ASSERT_FALSE(bytes.empty());
  EXPECT_EQ(encode(message, version), bytes);
  const Result<M> read = decode<M>(bytes);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_TRUE(same(*read, message));
}

model::PartitionSet set_of(std::initializer_list<size_t> partitions) {
  model::PartitionSet out;
  for (const size_t partition : partitions) out.set(partition);
  return out;
}

GossipDigest digest_of(const std::string& node) {
  return {node, 3, 400, 5, 2};
}

GossipDelta delta() {
  return {"node-b", 3, 400, 2, 3, 6, false, {{"state", "ready", 4, false}, {"synced", "", 5, true}}};
}

TEST(Golden, Hello) {
  expect_golden("hello", Hello{1, 2, "ferrocache", "node-a", 3, "1.2.0"});
}

TEST(Golden, Gossip) {
  expect_golden("gossip_syn", GossipSyn{{digest_of("node-a"), digest_of("node-b")}, false});
  expect_golden("gossip_ack",
                GossipAck{{digest_of("node-a")}, {delta(), {"node-c", 1, 9, 0, 0, 0, true, {}}}});
  const GossipAck timed{{digest_of("node-a")}, {}, 1'700'000'000'001};
  expect_golden("gossip_ack", timed, 3);
  EXPECT_EQ(encode(timed, 2), encode(GossipAck{timed.digests, {}}, 1));
  expect_golden("gossip_ack2", GossipAck2{{delta()}});
}

LookupMessage lookup() {
  return {kNamespace, true, true, kVector, "How?\n\u00fc", 0.875F, 3, {{"lang", "en"}, {"tier", ""}}};
}

TEST(Golden, Lookup) {
  LookupMessage message = lookup();
  expect_golden("lookup", message, 1);
  message.count = false;
  expect_golden("lookup", message, 2);
  EXPECT_EQ(encode(message, 1), golden("v1/lookup"));  // what version 1 cannot say is left out

  store::Hit hit{
      "id-1", "That.", "What?", {{"lang", "en"}}, 0.9375F, true, 1'700'000'000'001, 1'700'000'060'001,
      0.25,   {},      {}};
  expect_golden("lookup_reply", LookupReply{{{hit}, true, 1'700'000'000'500}});
}

TEST(Golden, Find) {
  expect_golden("find", FindMessage{"id-1", true, set_of({8})});
  store::EntryView entry;
  entry.ns = kNamespace;
  entry.version = {111'411'200'000'065'537, 0xdecafbad};
  entry.id = "id-1";
  entry.response = "That.";
  entry.query_text = "What?";
  entry.tags = {"faq"};
  entry.attributes = {{"lang", "en"}};
  entry.cost = 0.5;
  entry.has_cost = true;
  entry.inserted_at_ms = 1;
  entry.expires_at_ms = 2;
  entry.last_accessed_at_ms = 3;
  entry.access_count = 4;
  entry.vector = kVector;
  expect_golden("find_reply", FindReply{{entry}});
}

TEST(Golden, Insert) {
  engine::InsertRequest item;
  item.ns = kNamespace;
  item.id = "id-1";
  item.unit_vector = kVector;
  item.query_text = "What?";
  item.response = "That.";
  item.ttl_seconds = 3600;
  item.ttl_ms = 3'600'001;
  item.tags = {"faq", "v2"};
  item.attributes = {{"lang", "en"}};
  item.cost = 0.0125;
  expect_golden("insert", InsertMessage{{item}});
  const Status full(StatusCode::out_of_memory_budget, "the memory budget is used up");
  expect_golden("insert_reply", InsertReply{{{Status(), "id-1"}, {full, "id-2"}}});
}

TEST(Golden, Deletes) {
  RemoveMessage remove;
  remove.request.id = "id-1";
  remove.request.ns = kNamespace;
  remove.request.scope = "tenant a";
  remove.request.partitions = set_of({0});
  remove.partitions = set_of({0, 9, 1023});
  expect_golden("remove", remove);
  expect_golden("drop_namespace", DropNamespaceMessage{kNamespace});
  expect_golden("count_reply", CountReply{300});

  InvalidateMessage radius;
  radius.request.radius = {kNamespace, kVector, 0.75F};
  radius.request.dry_run = true;
  radius.request.partitions = set_of({7});
  radius.partitions = set_of({7});
  expect_golden("invalidate_radius", radius);
  InvalidateMessage selector;
  selector.request.selector = {"tenant a", {"faq"}, {{"lang", "en"}}, model::PartitionSet()};
  selector.partitions.set();
  expect_golden("invalidate_selector", selector);
  expect_golden("ids_reply", IdsReply{{"id-1", "id-2"}});
}

TEST(Golden, Listings) {
  const model::PartitionSet one = set_of({1});
  expect_golden("list_namespaces", ListNamespacesMessage{one, "m", "m::2\xff", 1000});
  store::NamespaceStats stats;
  stats.key = kNamespace;
  stats.entry_count = 10;
  stats.dimension = 384;
  stats.oldest_entry_ms = 5;
  stats.newest_entry_ms = 6;
  stats.total_accesses = 7;
  stats.index_kind = "flat";
  stats.bytes = 4096;
  stats.index_rebuilds = 1;
  stats.counters = {1, 2, 3, 4, 5, 6, 7, 8};
  expect_golden("list_namespaces_reply", ListNamespacesReply{{stats}});
  expect_golden("top_entries", TopEntriesMessage{one, 10, 1000});
  TopEntriesReply tops{{{"m::2::tenant a", {{"id-1", 99, 1'700'000'000'001, "What?", {}}}}}};
  expect_golden("top_entries_reply", tops);
  tops.namespaces[0].second[0].version = {65537, 7};
  expect_golden("top_entries_reply", tops, 3);
  EXPECT_EQ(encode(tops, 2), golden("v1/top_entries_reply"));
  expect_golden("count_entries", CountEntriesMessage{one});
}

TEST(Golden, Copies) {
  expect_golden("apply", ApplyMessage{{"operation 1", "operation 2"}});
  expect_golden("apply_reply", ApplyReply{2});
  expect_golden("digests", DigestsMessage{{{5, 0xfedcba9876543210, 0}, {0, 0, 0}}, 0});
  NamespaceDigest digest{kNamespace, 0x1122334455667788, 1000, 0, {{65536, 7}, {}}};
  expect_golden("digests_reply", DigestsReply{{{1023, {digest}, false, 0}, {}}, 1'700'000'000'123}, 1);
  digest.tombstones = 12;
  expect_golden("digests_reply", DigestsReply{{{1023, {digest}, false, 0}, {}}, 1'700'000'000'123}, 2);
  expect_golden("versions", VersionsMessage{kNamespace, 3, 16});
  expect_golden("versions_reply", VersionsReply{{{"id-1", {65537, 7}, true}}, {{65536, 7}, {}}});
  expect_golden("fetch", FetchMessage{kNamespace, {"id-1", ""}});
  expect_golden("fetch_reply", FetchReply{{"operation 1"}});
  expect_golden("accesses", AccessesMessage{{{kNamespace, {{"id-1", 300}, {"id-2", 1}}}}}, 3);
}

// What a cluster with split namespaces says, in which everybody speaks version 3.
TEST(Golden, Splits) {
  constexpr model::SlotSet kSlots = 0x8888888888888888;
  constexpr uint64_t kTable = 0x0102030405060708;
  LookupMessage message = lookup();
  message.count = false;
  message.slots = kSlots;
  expect_golden("lookup", message, 3);
  store::Hit hit{"id-1", "That.", "What?", {{"lang", "en"}}, 1.0F, true, 1'700'000'000'001, 1'700'000'060'001,
                 0.25,   {},      {}};
  hit.version = {65537, 7};
  hit.cosine = 0.9375F;
  expect_golden("lookup_reply", LookupReply{{{hit}, true, 1'700'000'000'500}}, 3);
  hit.cosine = -0.9375F;
  expect_golden("lookup_reply_opposite", LookupReply{{{hit}, true, 1'700'000'000'500}}, 3);
  RemoveMessage remove;
  remove.request.id = "id-1";
  remove.request.ns = kNamespace;
  remove.partitions = set_of({0, 9, 1023});
  remove.splits = kTable;
  expect_golden("remove", remove, 3);
  expect_golden("drop_namespace", DropNamespaceMessage{kNamespace, kSlots}, 3);
  InvalidateMessage radius;
  radius.request.radius = {kNamespace, kVector, 0.75F};
  radius.partitions = set_of({7});
  radius.splits = kTable;
  expect_golden("invalidate", radius, 3);
  expect_golden("find", FindMessage{"id-1", true, set_of({8}), kTable}, 3);
  expect_golden("count_entries", CountEntriesMessage{set_of({1}), kTable}, 3);
  expect_golden("list_namespaces", ListNamespacesMessage{set_of({1}), "m", "m::2\xff", 1000, kTable}, 3);
  expect_golden("top_entries", TopEntriesMessage{set_of({1}), 10, 1000, kTable}, 3);
  expect_golden("digests", DigestsMessage{{{5, 0xfedcba9876543210, 0}, {1023, 0, 0xabcdef}}, kTable}, 3);
  const NamespaceDigest digest{
      kNamespace, 0x1122334455667788, 1000, 12, {{}, {{1, {65536, 7}}, {6, {65537, 8}}}}};
  expect_golden("digests_reply", DigestsReply{{{1023, {digest}, false, 0xabcdef}}, 1'700'000'000'123}, 3);
  expect_golden("versions", VersionsMessage{kNamespace, 3, 16, kSlots}, 3);
  expect_golden("versions_reply",
                VersionsReply{{{"id-1", {65537, 7}, true}}, {{65536, 7}, {{1, {65537, 8}}}}}, 3);
}

TEST(Golden, FramesAndFailures) {
  EXPECT_EQ(encode_frame(FrameKind::request, MessageType::lookup, 300, "body"), golden("v1/frame_request"));
  EXPECT_EQ(encode_frame(FrameKind::one_way, MessageType::hello, 0, ""), golden("v1/frame_one_way"));
  EXPECT_EQ(
      encode_frame(FrameKind::request, MessageType::insert, 300, "body", RequestTiming{1'000'000, 2000}),
      golden("v2/frame_timed_request"));
  const std::string bytes = golden("v1/frame_request");
  const Result<Frame> frame = decode_frame(bytes);
  ASSERT_TRUE(frame.ok()) << frame.status().to_string();
  EXPECT_EQ(frame->body, "body");
  const Status failure(StatusCode::unreachable, "nobody answered");
  EXPECT_EQ(encode_status(failure), golden("v1/failure"));
  EXPECT_EQ(decode_status(golden("v1/failure")), failure);
}

}  // namespace
}  // namespace ferro::node::cluster
