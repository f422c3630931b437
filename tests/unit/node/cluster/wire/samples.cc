#include "samples.h"

#include <array>
#include <cmath>

#include "common/base/limits.h"

namespace ferro::node::cluster {

uint64_t Samples::number(uint64_t max) {
  switch (random_() % 4) {
    case 0:
      return max;
    case 1:
      return random_() % 4 % (max == UINT64_MAX ? max : max + 1);
    default:
      return max == UINT64_MAX ? random_() : random_() % (max + 1);
  }
}

std::string Samples::id() {
  std::string out(1 + number(limits::kIdBytesMax - 1), ' ');
  for (char& c : out) c = static_cast<char>('!' + random_() % ('~' - '!' + 1));
  return out;
}

std::string Samples::text(size_t characters_max) {
  constexpr std::array<std::string_view, 6> kCharacters = {"a", "Z", "\n", "\u00e9", "\u6f22", "\U0001f600"};
  std::string out;
  for (uint64_t left = number(characters_max); left > 0; --left) out += kCharacters[random_() % 6];
  return out;
}

std::vector<float> Samples::unit_vector() {
  std::vector<float> out(1 + number(31));
  double squares = 0.0;
  for (float& x : out) {
    x = static_cast<float>(random_() % 2001) - 1000.5F;
    squares += static_cast<double>(x) * static_cast<double>(x);
  }
  for (float& x : out) x = static_cast<float>(x / std::sqrt(squares));
  return out;
}

model::NamespaceKey Samples::key() {
  return {"m" + text(20), coin() ? "s" + std::to_string(number(99)) : "", coin() ? "c\u00fc" : ""};
}

model::Attributes Samples::attributes() {
  model::Attributes out;
  for (uint64_t i = number(3); i > 0; --i) out.emplace_back("n." + std::to_string(9 - i), text(5));
  return out;
}

std::vector<std::string> Samples::tags() {
  std::vector<std::string> out(number(3));
  for (std::string& tag : out) tag = "t" + text(5);
  return out;
}

model::PartitionSet Samples::partitions() {
  model::PartitionSet out;
  if (number(3) == 0) return out.set();
  for (uint64_t i = number(20); i > 0; --i) out.set(number(model::kPartitions - 1));
  return out;
}

Hlc Samples::stamp() {
  return {number(UINT64_MAX), static_cast<uint32_t>(number(UINT32_MAX))};
}

namespace {

Status status_of(Samples& any) {
  if (any.coin()) return {};
  return {static_cast<StatusCode>(1 + any.number(12)), any.text(10)};
}

int64_t time_of(Samples& any) {
  return static_cast<int64_t>(any.number(INT64_MAX));
}

float similarity_of(Samples& any) {
  return static_cast<float>(any.number(1000)) / 1000.0F;
}

}  // namespace

template <>
Hello Samples::make() {
  const auto low = static_cast<uint16_t>(1 + number(3));
  return {low,
          static_cast<uint16_t>(low + number(3)),
          text(10),
          id(),
          number(UINT64_MAX),
          text(10),
          number(UINT64_MAX)};
}
template <>
GossipDigest Samples::make() {
  return {id(), 1 + number(99), number(UINT64_MAX), number(UINT64_MAX), number(UINT64_MAX)};
}
template <>
GossipDelta Samples::make() {
  GossipDelta out;
  out.node = id();
  out.generation = 1 + number(99);
  out.heartbeat = number(UINT64_MAX);
  out.collected = number(99);
  out.reset = coin();
  out.since = out.reset ? 0 : number(99);
  out.upto = out.since;
  for (uint64_t i = number(3); i > 0; --i) {
    const bool erased = coin();
    out.upto += 1 + number(99);
    out.values.push_back({"k" + std::to_string(i), erased ? "" : text(9) + '\xff', out.upto, erased});
  }
  out.upto += number(3);
  return out;
}
template <>
GossipSyn Samples::make() {
  return {some<GossipDigest>(), coin()};
}
template <>
GossipAck Samples::make() {
  return {some<GossipDigest>(), some<GossipDelta>(), time_of(*this)};
}
template <>
GossipAck2 Samples::make() {
  return {some<GossipDelta>()};
}
template <>
LookupMessage Samples::make() {
  LookupMessage out{key(), coin(), coin(), unit_vector(), text(20), {}, 1, attributes()};
  if (coin()) out.threshold = similarity_of(*this);
  out.top_k = static_cast<uint16_t>(1 + number(limits::kTopKMax - 1));
  if (coin()) out.slots = 1 + number(UINT64_MAX - 1);
  return out;
}
template <>
store::Hit Samples::make() {
  store::Hit out{id(),
                 text(40),
                 text(20),
                 attributes(),
                 similarity_of(*this),
                 coin(),
                 time_of(*this),
                 time_of(*this),
                 0.25 * static_cast<double>(number(9)),
                 {},
                 {}};
  if (coin()) out.version = stamp();
  if (coin()) out.cosine = 2.001F * similarity_of(*this) - 1.0005F;
  return out;
}
template <>
LookupReply Samples::make() {
  return {{some<store::Hit>(), coin(), time_of(*this)}};
}
template <>
engine::InsertRequest Samples::make() {
  engine::InsertRequest out;
  out.ns = key();
  out.id = id();
  out.unit_vector = unit_vector();
  out.query_text = text(20);
  out.response = text(200);
  if (coin()) out.ttl_seconds = 1 + number(limits::kTtlSecondsMax - 1);
  if (coin()) out.ttl_ms = 1 + number(limits::kTtlSecondsMax * 1000 - 1);
  out.tags = tags();
  out.attributes = attributes();
  if (coin()) out.cost = 0.5 * static_cast<double>(number(9)) - 1.0;
  return out;
}
template <>
InsertMessage Samples::make() {
  return {one_or_more<engine::InsertRequest>()};
}
template <>
ItemReply Samples::make() {
  ItemReply out{status_of(*this), ""};
  if (out.status.ok() || coin()) out.id = id();
  return out;
}
template <>
InsertReply Samples::make() {
  return {some<ItemReply>()};
}
template <>
RemoveMessage Samples::make() {
  RemoveMessage out;
  out.request.id = id();
  if (coin()) out.request.ns = key();
  if (coin()) out.request.scope = key().scope;
  if (coin()) out.request.partitions = partitions();
  out.partitions = partitions();
  if (coin()) out.splits = number(UINT64_MAX);
  return out;
}
template <>
DropNamespaceMessage Samples::make() {
  return {key(), coin() ? 1 + number(UINT64_MAX - 1) : model::kAllSlots};
}
template <>
CountReply Samples::make() {
  return {number(UINT64_MAX)};
}
template <>
InvalidateMessage Samples::make() {
  InvalidateMessage out;
  if (coin()) {
    out.request.radius = {key(), unit_vector(), similarity_of(*this)};
  } else {
    store::Selector& selector = out.request.selector.emplace();
    if (coin()) selector.scope = key().scope;
    selector.any_tag = tags();
    selector.all_attributes = attributes();
    if (coin()) selector.partitions = partitions();
  }
  if (coin()) out.request.partitions = partitions();
  out.request.dry_run = coin();
  out.partitions = partitions();
  if (coin()) out.splits = number(UINT64_MAX);
  return out;
}
template <>
std::string Samples::make() {
  return id();
}
template <>
IdsReply Samples::make() {
  return {some<std::string>()};
}
template <>
FindMessage Samples::make() {
  return {id(), coin(), partitions(), coin() ? number(UINT64_MAX) : 0};
}
template <>
store::EntryView Samples::make() {
  store::EntryView out;
  out.ns = key();
  out.version = stamp();
  out.id = id();
  out.response = text(99);
  out.query_text = text(20);
  out.tags = tags();
  out.attributes = attributes();
  out.cost = static_cast<double>(number(9)) - 4.5;
  out.has_cost = coin();
  out.inserted_at_ms = time_of(*this);
  out.expires_at_ms = time_of(*this);
  out.last_accessed_at_ms = time_of(*this);
  out.access_count = number(UINT64_MAX);
  if (coin()) out.vector = unit_vector();
  return out;
}
template <>
FindReply Samples::make() {
  return {some<store::EntryView>()};
}
template <>
ListNamespacesMessage Samples::make() {
  return {partitions(), text(9) + "\xfe", text(9), static_cast<uint32_t>(number(UINT32_MAX)),
          coin() ? number(UINT64_MAX) : 0};
}
template <>
store::NamespaceStats Samples::make() {
  store::NamespaceStats out;
  out.key = key();
  out.entry_count = number(UINT64_MAX);
  out.dimension = number(limits::kDimensionMax);
  out.oldest_entry_ms = time_of(*this);
  out.newest_entry_ms = time_of(*this);
  out.total_accesses = number(UINT64_MAX);
  out.index_kind = text(8);
  out.bytes = number(UINT64_MAX);
  out.index_rebuilds = number(UINT64_MAX);
  out.counters = {number(9), number(9), number(9), number(9), number(9), number(9), number(9), number(9)};
  return out;
}
template <>
ListNamespacesReply Samples::make() {
  return {some<store::NamespaceStats>()};
}
template <>
TopEntriesMessage Samples::make() {
  return {partitions(), static_cast<uint32_t>(number(UINT32_MAX)), static_cast<uint32_t>(number(UINT32_MAX)),
          coin() ? number(UINT64_MAX) : 0};
}
template <>
store::TopEntry Samples::make() {
  return {id(), number(UINT64_MAX), time_of(*this), text(limits::kPreviewCharactersMax),
          coin() ? stamp() : Hlc{}};
}
template <>
std::pair<std::string, std::vector<store::TopEntry>> Samples::make() {
  return {text(30), some<store::TopEntry>()};
}
template <>
TopEntriesReply Samples::make() {
  return {some<std::pair<std::string, std::vector<store::TopEntry>>>()};
}
template <>
CountEntriesMessage Samples::make() {
  return {partitions(), coin() ? number(UINT64_MAX) : 0};
}
template <>
ApplyMessage Samples::make() {
  return {some<std::string>()};
}
template <>
ApplyReply Samples::make() {
  return {number(UINT64_MAX)};
}
template <>
DigestsMessage::Item Samples::make() {
  return {static_cast<uint16_t>(number(model::kPartitions - 1)), number(UINT64_MAX),
          coin() ? number(UINT64_MAX) : 0};
}
template <>
DigestsMessage Samples::make() {
  return {some<DigestsMessage::Item>(), coin() ? number(UINT64_MAX) : 0};
}
template <>
store::Floors::OfSlots Samples::make() {
  return {1 + number(UINT64_MAX - 1), stamp()};
}
template <>
store::Floors Samples::make() {
  return {stamp(), coin() ? some<store::Floors::OfSlots>() : std::vector<store::Floors::OfSlots>()};
}
template <>
NamespaceDigest Samples::make() {
  return {key(), number(UINT64_MAX), number(UINT64_MAX), number(UINT64_MAX), make<store::Floors>()};
}
template <>
DigestsReply::Item Samples::make() {
  return {static_cast<uint16_t>(number(model::kPartitions - 1)), some<NamespaceDigest>(), coin(),
          coin() ? number(UINT64_MAX) : 0};
}
template <>
DigestsReply Samples::make() {
  return {some<DigestsReply::Item>(), time_of(*this)};
}
template <>
VersionsMessage Samples::make() {
  const uint32_t buckets = 1U << number(31);
  return {key(), static_cast<uint32_t>(number(buckets - 1)), buckets,
          coin() ? 1 + number(UINT64_MAX - 1) : model::kAllSlots};
}
template <>
EntryVersion Samples::make() {
  return {id(), stamp(), coin()};
}
template <>
VersionsReply Samples::make() {
  return {some<EntryVersion>(), make<store::Floors>()};
}
template <>
FetchMessage Samples::make() {
  FetchMessage out{key(), some<std::string>()};
  if (coin()) out.ids.emplace_back();
  return out;
}
template <>
FetchReply Samples::make() {
  return {some<std::string>()};
}
template <>
store::AccessCount Samples::make() {
  return {id(), number(uint64_t{1} << 32)};
}
template <>
AccessesMessage::OfNamespace Samples::make() {
  return {key(), some<store::AccessCount>()};
}
template <>
AccessesMessage Samples::make() {
  return {some<AccessesMessage::OfNamespace>()};
}

}  // namespace ferro::node::cluster
