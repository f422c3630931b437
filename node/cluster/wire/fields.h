// Tagged fields, the form of every message body: docs/formats/peer_protocol.md, "Body".
//
// A message is described once, by a template `describe(archive, message)` that names its fields by rising
// tag; FieldWriter and FieldReader are the two archives, with the same methods. A field at its default is not
// written; a field that is not there leaves the default. So both sides follow from one description.
//
// Values live for one message on one thread. Private to node/cluster/wire.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/time/hlc.h"
#include "node/cluster/wire/messages.h"
#include "node/model/operation.h"

namespace ferro::node::cluster {

// The largest text that is neither an entry's nor an id: names, versions, reasons.
inline constexpr size_t kWireNameBytesMax = 256;

class FieldWriter {
 public:
  template <typename T>
  using Of = const T&;

  // Appends to `out`, which outlives the writer, in the form of that protocol version.
  FieldWriter(std::string& out, uint16_t version) : out_(out), version_(version) {}

  uint16_t version() const noexcept { return version_; }
  void require(bool /*condition*/, std::string_view /*otherwise*/) {}
  void at_most(size_t /*bytes*/) {}

  void number(uint64_t tag, std::unsigned_integral auto value, uint64_t /*max*/ = 0) {
    if (value != 0) varint(tag, value);
  }
  void optional_number(uint64_t tag, const std::optional<uint64_t>& value, uint64_t /*min*/,
                       uint64_t /*max*/) {
    if (value) varint(tag, *value);
  }
  void time(uint64_t tag, int64_t value) { number(tag, static_cast<uint64_t>(value)); }
  void hash(uint64_t tag, uint64_t value);
  void slots(uint64_t tag, model::SlotSet value) {
    if (value != model::kAllSlots) hash(tag, value);
  }
  void stamp(uint64_t tag, const Hlc& value);
  void flag(uint64_t tag, bool value, bool otherwise = false);
  void similarity(uint64_t tag, float value);
  void optional_similarity(uint64_t tag, const std::optional<float>& value);
  // The share nearest to it and, if that is another number, itself.
  void optional_cosine(uint64_t share_tag, uint64_t tag, const std::optional<float>& value);
  void real(uint64_t tag, double value);
  void optional_cost(uint64_t tag, const std::optional<double>& value);
  void unit_vector(uint64_t tag, const std::vector<float>& value);

  void text(uint64_t tag, const std::string& value, size_t /*bytes_max*/ = 0) {
    if (!value.empty()) always(tag, value);
  }
  void bytes(uint64_t tag, const std::string& value, size_t /*bytes_max*/) { text(tag, value); }
  void optional_id(uint64_t tag, const std::string& value) { text(tag, value); }
  void id(uint64_t tag, const std::string& value) { text(tag, value); }
  void ids(uint64_t tag, const std::vector<std::string>& values, bool /*empty_allowed*/ = false,
           size_t /*max*/ = 0) {
    each(tag, values);
  }
  void blobs(uint64_t tag, const std::vector<std::string>& values) { each(tag, values); }
  void tags(uint64_t tag, const std::vector<std::string>& values) { each(tag, values); }
  void attributes(uint64_t tag, const model::Attributes& values);
  void scope(uint64_t tag, const std::optional<std::string>& value) {
    if (value) always(tag, *value);
  }
  void key(uint64_t tag, const model::NamespaceKey& value);
  void optional_key(uint64_t tag, const std::optional<model::NamespaceKey>& value) {
    if (value) key(tag, *value);
  }
  void partitions(uint64_t tag, const model::PartitionSet& value);
  void optional_partitions(uint64_t tag, const std::optional<model::PartitionSet>& value) {
    if (value) partitions(tag, *value);
  }
  void status(uint64_t tag, const Status& value);

  template <typename M>
  void message(uint64_t tag, const M& value) {
    const size_t start = begin(tag);
    describe(*this, value);
    end(start);
  }
  template <typename M>
  void optional_message(uint64_t tag, const std::optional<M>& value) {
    if (value) message(tag, *value);
  }
  template <typename M>
  void list(uint64_t tag, const std::vector<M>& values, size_t /*max*/ = 0) {
    for (const M& value : values) message(tag, value);
  }

 private:
  void always(uint64_t tag, std::string_view value);
  void varint(uint64_t tag, uint64_t value);
  void each(uint64_t tag, const std::vector<std::string>& values);
  size_t begin(uint64_t tag);
  void end(size_t start);  // puts the length in front of what was written since

  std::string& out_;
  uint16_t version_;
};

// Reads fields by rising tag; what is unknown in between is skipped. After the first fault everything else
// reads as absent, so a description runs to its end and finish() tells what was wrong.
class FieldReader {
 public:
  template <typename T>
  using Of = T&;

  // `in` outlives the reader.
  explicit FieldReader(std::string_view in) : in_(as_bytes(in)) {}

  // Every field known here is read if it is there.
  static constexpr uint16_t version() noexcept { return kProtocolVersion; }
  // invalid_argument with the reason, and where it is, if anything did not fit.
  Status finish();
  void require(bool condition, std::string_view otherwise);
  // The whole message; called before its fields.
  void at_most(size_t bytes) { require(in_.left() <= bytes, "the message is too long"); }

  template <std::unsigned_integral T>
  void number(uint64_t tag, T& value, uint64_t max = std::numeric_limits<T>::max()) {
    uint64_t wide = value;
    if (varint(tag, wide, 0, max)) value = static_cast<T>(wide);
  }
  void optional_number(uint64_t tag, std::optional<uint64_t>& value, uint64_t min, uint64_t max);
  void time(uint64_t tag, int64_t& value);
  void hash(uint64_t tag, uint64_t& value);
  void slots(uint64_t tag, model::SlotSet& value) {  // all if absent; not none
    hash(tag, value);
    require(value != 0, "no slots are named");
  }
  void stamp(uint64_t tag, Hlc& value);
  void flag(uint64_t tag, bool& value, bool otherwise = false);
  void similarity(uint64_t tag, float& value);  // 0..1
  void optional_similarity(uint64_t tag, std::optional<float>& value);
  void optional_cosine(uint64_t share_tag, uint64_t tag, std::optional<float>& value);
  void real(uint64_t tag, double& value);                          // finite
  void optional_cost(uint64_t tag, std::optional<double>& value);  // finite
  // 1..kDimensionMax finite numbers of length 1; stays empty if absent.
  void unit_vector(uint64_t tag, std::vector<float>& value);

  void text(uint64_t tag, std::string& value, size_t bytes_max = kFrameTextBytesMax);  // UTF-8
  void bytes(uint64_t tag, std::string& value, size_t bytes_max);
  void optional_id(uint64_t tag, std::string& value);  // 1..128 visible ASCII characters
  void id(uint64_t tag, std::string& value);           // must be there
  void ids(uint64_t tag, std::vector<std::string>& values, bool empty_allowed = false,
           size_t max = kWireItemsMax);
  void blobs(uint64_t tag, std::vector<std::string>& values);  // none empty
  void tags(uint64_t tag, std::vector<std::string>& values);
  void attributes(uint64_t tag, model::Attributes& values);
  void scope(uint64_t tag, std::optional<std::string>& value);
  void key(uint64_t tag, model::NamespaceKey& value);  // must be there
  void optional_key(uint64_t tag, std::optional<model::NamespaceKey>& value);
  void partitions(uint64_t tag, model::PartitionSet& value);
  void optional_partitions(uint64_t tag, std::optional<model::PartitionSet>& value);
  void status(uint64_t tag, Status& value);

  template <typename M>
  void message(uint64_t tag, M& value) {
    if (const auto field = take(tag)) read(tag, *field, value);
  }
  template <typename M>
  void optional_message(uint64_t tag, std::optional<M>& value) {
    const auto field = take(tag);
    if (!field) return;
    M whole;
    read(tag, *field, whole);
    value = std::move(whole);
  }
  template <typename M>
  void list(uint64_t tag, std::vector<M>& values, size_t max = kWireItemsMax) {
    while (const auto field = take(tag, true)) {
      if (values.size() == max) return fail(tag, "there are too many of them");
      read(tag, *field, values.emplace_back());
    }
  }

 private:
  static constexpr size_t kFrameTextBytesMax = std::numeric_limits<size_t>::max();  // the frame's own bound

  template <typename M>
  void read(uint64_t tag, std::string_view field, M& value) {
    FieldReader nested(field);
    describe(nested, value);
    if (const Status fault = nested.finish(); !fault.ok()) fail(tag, fault.message());
  }
  // The value of the next field if it has this tag.
  std::optional<std::string_view> take(uint64_t tag, bool repeated = false);
  bool load();
  bool varint(uint64_t tag, uint64_t& value, uint64_t min, uint64_t max);
  template <typename T>
  std::optional<T> fixed(uint64_t tag);
  void fail(uint64_t tag, std::string_view what);

  ByteReader in_;
  std::optional<std::pair<uint64_t, std::string_view>> next_;  // read ahead, not yet taken
  uint64_t last_tag_ = 0;
  bool last_may_repeat_ = true;
  Status fault_;
};

}  // namespace ferro::node::cluster
