// What a client could not have sent, no peer can send either.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "common/base/limits.h"
#include "node/cluster/wire/codec.h"
#include "samples.h"

namespace ferro::node::cluster {
namespace {

// {tag, size, value} by hand.
std::string field(uint64_t tag, std::string_view value) {
  std::string out;
  ByteWriter writer(out);
  writer.varint(tag);
  writer.text(value);
  return out;
}

// Takes a legal message, spoils one thing and expects a refusal whose reason holds `reason`.
template <typename M>
void refused(std::string_view reason, const std::function<void(M&)>& spoil) {
  SCOPED_TRACE(reason);
  M message = Samples(7).make<M>();
  ASSERT_TRUE(decode<M>(encode(message)).ok());
  spoil(message);
  const Status status = decode<M>(encode(message)).status();
  EXPECT_EQ(status.code(), StatusCode::invalid_argument);
  EXPECT_NE(status.message().find(reason), std::string::npos) << status.message();
}

void lookup_refused(std::string_view reason, const std::function<void(LookupMessage&)>& spoil) {
  refused<LookupMessage>(reason, spoil);
}

void insert_refused(std::string_view reason, const std::function<void(engine::InsertRequest&)>& spoil) {
  refused<InsertMessage>(reason, [&](InsertMessage& message) { spoil(message.items.front()); });
}

TEST(Refusal, Namespaces) {
  lookup_refused("model_id must not be empty", [](auto& m) { m.ns.model_id.clear(); });
  lookup_refused("too long", [](auto& m) { m.ns.model_id.assign(limits::kModelIdBytesMax + 1, 'm'); });
  lookup_refused("not trimmed", [](auto& m) { m.ns.scope = " s"; });
  lookup_refused("not trimmed", [](auto& m) { m.ns.conversation = "c\u00a0"; });
  lookup_refused("UTF-8", [](auto& m) { m.ns.scope = "\xff"; });
  refused<RemoveMessage>("not trimmed", [](RemoveMessage& m) { m.request.scope = "s "; });
  refused<RemoveMessage>("model_id", [](RemoveMessage& m) { m.request.ns = model::NamespaceKey{}; });
}

TEST(Refusal, Vectors) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  lookup_refused("vector is missing", [](auto& m) { m.unit_vector.clear(); });
  lookup_refused("unit vector", [](auto& m) { m.unit_vector = {0.6F, 0.7F}; });
  lookup_refused("unit vector", [](auto& m) { m.unit_vector = {1.0F, kNan}; });
  lookup_refused("unit vector", [](auto& m) { m.unit_vector = {1.0F, kInfinity}; });
  lookup_refused("unit vector", [](auto& m) { m.unit_vector = {0.0F, 0.0F}; });
  lookup_refused("wrong size", [](auto& m) {
    m.unit_vector.assign(limits::kDimensionMax + 1, 0.0F);
    m.unit_vector[0] = 1.0F;
  });
  insert_refused("unit vector", [](auto& item) { item.unit_vector = {2.0F}; });
  refused<InvalidateMessage>("unit vector", [](InvalidateMessage& m) {
    m.request.selector.reset();
    m.request.radius = {{"m", "", ""}, {0.5F}, 0.9F};
  });
}

TEST(Refusal, Numbers) {
  lookup_refused("from 0 to 1", [](auto& m) { m.threshold = 1.5F; });
  lookup_refused("from 0 to 1", [](auto& m) { m.threshold = -0.1F; });
  lookup_refused("from 0 to 1", [](auto& m) { m.threshold = std::nanf(""); });
  lookup_refused("out of range", [](auto& m) { m.top_k = limits::kTopKMax + 1; });
  insert_refused("out of range", [](auto& item) { item.ttl_seconds = 0; });
  insert_refused("out of range", [](auto& item) { item.ttl_seconds = limits::kTtlSecondsMax + 1; });
  insert_refused("out of range", [](auto& item) { item.ttl_ms = limits::kTtlSecondsMax * 1000 + 1; });
  insert_refused("cost", [](auto& item) { item.cost = std::nan(""); });
  refused<DigestsMessage>("out of range", [](DigestsMessage& m) { m.items = {{model::kPartitions, 1}}; });
  refused<VersionsMessage>("power of two", [](VersionsMessage& m) { m.buckets = 3; });
  refused<VersionsMessage>("power of two", [](VersionsMessage& m) { m.bucket = m.buckets; });
  refused<LookupReply>("out of range", [](LookupReply& m) { m.result.now_ms = -1; });
}

TEST(Refusal, IdsAndTexts) {
  insert_refused("id is missing", [](auto& item) { item.id.clear(); });
  insert_refused("visible ASCII", [](auto& item) { item.id = "a b"; });
  insert_refused("visible ASCII", [](auto& item) { item.id = "\u00e9"; });
  insert_refused("visible ASCII", [](auto& item) { item.id.assign(limits::kIdBytesMax + 1, 'i'); });
  insert_refused("not UTF-8", [](auto& item) { item.response = "\xc3"; });
  insert_refused("not UTF-8", [](auto& item) { item.query_text = "\xed\xa0\x80"; });
  refused<InsertReply>("id of an insert is missing", [](InsertReply& m) { m.items = {{Status(), ""}}; });
  refused<FetchMessage>("visible ASCII", [](FetchMessage& m) { m.ids = {"\n"}; });
  refused<IdsReply>("visible ASCII", [](IdsReply& m) { m.ids = {""}; });
  refused<ApplyMessage>("empty", [](ApplyMessage& m) { m.operations = {""}; });
}

TEST(Refusal, TagsAndAttributes) {
  insert_refused("tag has", [](auto& item) { item.tags = {""}; });
  insert_refused("tag has", [](auto& item) { item.tags = {std::string(limits::kTagBytesMax + 1, 't')}; });
  insert_refused("tag has", [](auto& item) { item.tags = {"\xff"}; });
  insert_refused("too many tags", [](auto& item) { item.tags.assign(limits::kTagsMax + 1, "t"); });
  insert_refused("name of an attribute", [](auto& item) { item.attributes = {{"", "x"}}; });
  insert_refused("name of an attribute", [](auto& item) { item.attributes = {{"a b", "x"}}; });
  insert_refused("value of an attribute", [](auto& item) {
    item.attributes = {{"a", std::string(1025, 'x')}};
  });
  insert_refused("value of an attribute", [](auto& item) { item.attributes = {{"a", "\xff"}}; });
  insert_refused("not in order", [](auto& item) { item.attributes = {{"b", ""}, {"a", ""}}; });
  insert_refused("not in order", [](auto& item) { item.attributes = {{"a", ""}, {"a", ""}}; });
}

TEST(Refusal, ACosineStandsBesideTheShareNearestToIt) {
  const auto reason = [](float share, float cosine) {
    const auto bytes = [](float value) { return std::string(reinterpret_cast<const char*>(&value), 4); };
    const std::string hit = field(1, "id") + field(11, bytes(share)) + field(12, bytes(cosine));
    const auto reply = decode<LookupReply>(field(1, field(1, hit)));
    return reply.ok() ? std::to_string(*reply->result.hits.at(0).cosine) : reply.status().message();
  };
  EXPECT_EQ(reason(0.0F, -1.0F), "-1.000000");
  EXPECT_EQ(reason(1.0F, 1.0005F), "1.000500");
  const std::string refused = "field 1: field 1: field 12: it is not a cosine beyond its share";
  for (const auto& [share, cosine] : {std::pair{0.0F, 0.0F},
                                      {0.0F, 0.5F},
                                      {0.5F, -0.5F},
                                      {1.0F, 1.0F},
                                      {1.0F, -0.5F},
                                      {0.0F, -1.1F},
                                      {1.0F, 1.1F},
                                      {0.0F, std::nanf("")}}) {
    EXPECT_EQ(reason(share, cosine), refused) << share << ' ' << cosine;
  }
}

TEST(Refusal, WhatBelongsTogether) {
  refused<InvalidateMessage>("either a radius or a selector", [](InvalidateMessage& m) {
    m.request.radius.reset();
    m.request.selector.reset();
  });
  refused<InvalidateMessage>("either a radius or a selector", [](InvalidateMessage& m) {
    m.request.radius = {{"m", "", ""}, {1.0F}, 0.9F};
    m.request.selector.emplace();
  });
  refused<InsertMessage>("nothing to insert", [](InsertMessage& m) { m.items.clear(); });
  refused<Hello>("not a range", [](Hello& m) { m.version_min = m.version + 1; });
  refused<Hello>("id is missing", [](Hello& m) { m.node.clear(); });
}

GossipDelta delta_of(std::vector<GossipValue> values) {
  GossipDelta delta;
  delta.node = "node";
  delta.generation = 1;
  delta.upto = 99;
  delta.values = std::move(values);
  return delta;
}

TEST(Refusal, Gossip) {
  const auto refused_delta = [](std::string_view reason, const GossipDelta& delta) {
    refused<GossipAck2>(reason, [&delta](GossipAck2& m) { m.deltas = {delta}; });
  };
  refused_delta("order of their versions", delta_of({{"a", "", 2, false}, {"b", "", 2, false}}));
  refused_delta("order of their versions", delta_of({{"a", "", 100, false}}));
  refused_delta("version of a value is missing", delta_of({{"a", "", 0, false}}));
  refused_delta("erased key has a value", delta_of({{"a", "x", 1, true}}));
  refused_delta("too long", delta_of({{"a", std::string(kGossipValueBytesMax + 1, 'x'), 1, false}}));
  refused_delta("key is too long", delta_of({{std::string(kGossipKeyBytesMax + 1, 'k'), "", 1, false}}));
  GossipDelta delta = delta_of({{"a", "", 5, false}});
  delta.since = 5;
  refused_delta("order of their versions", delta);
  delta.since = 4;
  delta.reset = true;
  refused_delta("first version", delta);
  delta.since = 0;
  delta.generation = 0;
  refused_delta("generation is missing", delta);
  delta = delta_of({});
  for (uint64_t i = 1; i <= kGossipValuesMax + 1; ++i) delta.values.push_back({"k", "", i, false});
  refused_delta("too many", delta);

  refused<GossipSyn>("generation is missing", [](GossipSyn& m) { m.digests = {{"node", 0, 1, 1, 0}}; });
  refused<GossipSyn>("too many", [](GossipSyn& m) {
    m.digests.assign(kGossipMembersMax + 1, {"node", 1, 1, 1, 0});
  });
  refused<GossipAck2>("message is too long", [](GossipAck2& m) {
    m.deltas.assign(5, delta_of({{"a", std::string(kGossipValueBytesMax, 'x'), 1, false}}));
  });
}

TEST(Refusal, ListsAreBounded) {
  refused<IdsReply>("too many", [](IdsReply& m) { m.ids.assign(kWireIdsMax + 1, "i"); });
  refused<ApplyMessage>("too many", [](ApplyMessage& m) { m.operations.assign(kWireItemsMax + 1, "o"); });
  refused<VersionsReply>("too many", [](VersionsReply& m) {
    m.entries.assign(kWireItemsMax + 1, {"i", {}, false});
  });
  refused<LookupReply>("too many", [](LookupReply& m) {
    m.result.hits.assign(limits::kTopKMax + 1, Samples(1).make<store::Hit>());
  });
}

TEST(Refusal, Form) {
  const auto reason = [](const std::string& bytes) { return decode<CountReply>(bytes).status().message(); };
  EXPECT_EQ(reason(field(1, "\x05")), "");
  EXPECT_EQ(reason(field(1, "\x05") + field(1, "\x05")), "field 1: it is out of order");
  EXPECT_EQ(reason(field(2, "") + field(1, "\x05")), "field 1: it is out of order");
  EXPECT_EQ(reason(field(0, "")), "field 0: it is out of order");
  EXPECT_EQ(reason(field(1, "")), "field 1: it is not a number");
  EXPECT_EQ(reason(field(1, "\x05\x05")), "field 1: it is not a number");
  EXPECT_EQ(reason(field(1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")), "field 1: it is not a number");
  EXPECT_EQ(reason("\x01\x05\x05"), "it is cut short");
  EXPECT_EQ(reason("\x01"), "it is cut short");

  const auto find = [](const std::string& rest) {
    return decode<FindMessage>(field(1, "id") + rest).status().message();
  };
  EXPECT_EQ(find(field(2, "\x02")), "field 2: it is neither yes nor no");
  EXPECT_EQ(find(field(2, "\x01\x01")), "field 2: it has a wrong size");
  EXPECT_EQ(find(field(3, std::string(127, '\0'))), "field 3: the set has a wrong size");
  EXPECT_EQ(find(field(3, std::string(129, '\0'))), "field 3: the set has a wrong size");
  EXPECT_EQ(decode<FetchMessage>(field(1, field(1, "m") + field(1, "m"))).status().message(),
            "field 1: field 1: it is out of order");
}

}  // namespace
}  // namespace ferro::node::cluster
