// encode() and decode() from a message's description. Private to node/cluster/wire: each family of messages
// includes it, describes its messages and ends with FERRO_WIRE_MESSAGE for each, so that codec.h's templates
// have their definitions.
#pragma once

#include "node/cluster/wire/codec.h"
#include "node/cluster/wire/fields.h"

namespace ferro::node::cluster {

template <typename Message>
std::string encode(const Message& message, uint16_t version) {
  std::string out;
  FieldWriter writer(out, version);
  describe(writer, message);
  return out;
}

template <typename Message>
Result<Message> decode(std::string_view body) {
  Message message;
  FieldReader reader(body);
  describe(reader, message);
  if (Status fault = reader.finish(); !fault.ok()) return fault;
  return message;
}

}  // namespace ferro::node::cluster

#define FERRO_WIRE_MESSAGE(Message)                               \
  template std::string encode<Message>(const Message&, uint16_t); \
  template Result<Message> decode<Message>(std::string_view)
