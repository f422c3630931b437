#include "node/store/entry.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/base/limits.h"

namespace ferro::node::store {

namespace {

// Tags, then attributes: varint count, then varint length and bytes of each text.
std::string encode_labels(const model::PutOp& op) {
  std::string out;
  if (op.tags.empty() && op.attributes.empty()) return out;
  ByteWriter writer(out);
  writer.varint(op.tags.size());
  for (const std::string& tag : op.tags) writer.text(tag);
  writer.varint(op.attributes.size());
  for (const auto& [name, value] : op.attributes) {
    writer.text(name);
    writer.text(value);
  }
  return out;
}

// Reads past the tags; true if `visit(tag)` was true for any.
template <typename Visit>
bool visit_tags(ByteReader& in, Visit&& visit) {
  bool found = false;
  for (uint64_t left = in.varint(); left > 0; --left) found = visit(in.text()) || found;
  return found;
}

size_t size_of(const model::PutOp& op, size_t labels_size) {
  return sizeof(Entry) + op.id.size() + op.query_text.size() + op.response.size() + labels_size;
}

}  // namespace

Entry::Entry(NamespaceState& in_ns, const model::PutOp& op, const model::TextHash& hash, bool has_text,
             uint64_t born_at, int64_t stamp, std::string_view labels)
    : ns(&in_ns),
      text_hash(hash),
      inserted_at_ms(op.inserted_at_ms),
      expires_at_ms(op.expires_at_ms),
      inserted_stamp(stamp),
      born(born_at),
      last_access_stamp(stamp),
      last_access_ms(op.inserted_at_ms),
      has_cost_(op.has_cost),
      has_text_(has_text),
      id_size_(static_cast<uint8_t>(op.id.size())),
      node_(op.version.node),
      query_text_size_(static_cast<uint32_t>(op.query_text.size())),
      response_size_(static_cast<uint32_t>(op.response.size())),
      labels_size_(static_cast<uint32_t>(labels.size())),
      ticks_(op.version.ticks),
      cost_(op.cost) {
  char* to = reinterpret_cast<char*>(this + 1);
  for (const std::string_view part :
       {std::string_view(op.id), std::string_view(op.query_text), std::string_view(op.response), labels}) {
    if (!part.empty()) std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
}

Entry* Entry::create(NamespaceState& ns, const model::PutOp& op, const model::TextHash& text_hash,
                     bool has_text, uint64_t born, int64_t stamp) {
  FERRO_ASSERT(op.id.size() <= limits::kIdBytesMax, "ids are checked before they reach the store");
  FERRO_ASSERT(op.query_text.size() <= UINT32_MAX && op.response.size() <= UINT32_MAX,
               "texts fit in 32 bits");
  const std::string labels = encode_labels(op);
  void* place = ::operator new(size_of(op, labels.size()));
  return new (place) Entry(ns, op, text_hash, has_text, born, stamp, labels);
}

void Entry::destroy(Entry* entry) noexcept {
  entry->~Entry();
  ::operator delete(entry);
}

size_t Entry::bytes_for(const model::PutOp& op) {
  return heap_bytes(size_of(op, encode_labels(op).size()));
}

size_t Entry::heap_size() const noexcept {
  return heap_bytes(sizeof(Entry) + id_size_ + query_text_size_ + response_size_ + labels_size_);
}

std::vector<std::string> Entry::tags() const {
  std::vector<std::string> out;
  if (labels_size_ == 0) return out;
  ByteReader in(as_bytes(labels()));
  visit_tags(in, [&](std::string_view tag) {
    out.emplace_back(tag);
    return false;
  });
  return out;
}

model::Attributes Entry::attributes() const {
  model::Attributes out;
  if (labels_size_ == 0) return out;
  ByteReader in(as_bytes(labels()));
  visit_tags(in, [](std::string_view) { return false; });
  for (uint64_t left = in.varint(); left > 0; --left) {
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    out.emplace_back(name, value);
  }
  return out;
}

bool Entry::has_all(const model::Attributes& wanted) const noexcept {
  if (wanted.empty()) return true;
  if (labels_size_ == 0) return false;
  ByteReader in(as_bytes(labels()));
  visit_tags(in, [](std::string_view) { return false; });
  size_t found = 0;
  for (uint64_t left = in.varint(); left > 0; --left) {
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    const auto same = [&](const auto& pair) { return pair.first == name && pair.second == value; };
    if (std::any_of(wanted.begin(), wanted.end(), same)) ++found;
  }
  return found == wanted.size();
}

bool Entry::has_any_tag(const std::vector<std::string>& wanted) const noexcept {
  if (labels_size_ == 0) return false;
  ByteReader in(as_bytes(labels()));
  return visit_tags(
      in, [&](std::string_view tag) { return std::find(wanted.begin(), wanted.end(), tag) != wanted.end(); });
}

void Entry::touch(int64_t stamp, int64_t now_ms, uint64_t times) const noexcept {
  accesses.fetch_add(times, std::memory_order_relaxed);
  // Two hits may arrive in either order: a stamp never goes back, so an access never lowers an entry's value.
  int64_t seen = last_access_stamp.load(std::memory_order_relaxed);
  while (seen < stamp && !last_access_stamp.compare_exchange_weak(seen, stamp, std::memory_order_relaxed)) {
  }
  last_access_ms.store(now_ms, std::memory_order_relaxed);
}

}  // namespace ferro::node::store
