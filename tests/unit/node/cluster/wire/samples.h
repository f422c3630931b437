// Legal messages with random content, every field of them filled more often than not.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "node/cluster/wire/messages.h"

namespace ferro::node::cluster {

class Samples {
 public:
  explicit Samples(uint64_t seed) : random_(seed) {}

  // Specialised for each message.
  template <typename M>
  M make();

  uint64_t number(uint64_t max);  // 0..max, small ones and the ends as likely as the rest
  bool coin() { return (random_() & 1U) != 0; }
  std::string id();
  std::string text(size_t characters_max);
  std::vector<float> unit_vector();
  model::NamespaceKey key();
  model::Attributes attributes();
  std::vector<std::string> tags();
  model::PartitionSet partitions();
  Hlc stamp();
  template <typename M>
  std::vector<M> some(size_t max = 3) {
    std::vector<M> out(number(max));
    for (M& one : out) one = make<M>();
    return out;
  }
  template <typename M>
  std::vector<M> one_or_more() {
    std::vector<M> out = some<M>();
    out.push_back(make<M>());
    return out;
  }

 private:
  std::mt19937_64 random_;
};

// Calls `with` once for each message type, naming it.
template <typename With>
void for_each_message(With with) {
#define FERRO_MESSAGE(M) with.template operator()<M>(#M)
  FERRO_MESSAGE(Hello);
  FERRO_MESSAGE(GossipSyn);
  FERRO_MESSAGE(GossipAck);
  FERRO_MESSAGE(GossipAck2);
  FERRO_MESSAGE(LookupMessage);
  FERRO_MESSAGE(LookupReply);
  FERRO_MESSAGE(InsertMessage);
  FERRO_MESSAGE(InsertReply);
  FERRO_MESSAGE(RemoveMessage);
  FERRO_MESSAGE(DropNamespaceMessage);
  FERRO_MESSAGE(CountReply);
  FERRO_MESSAGE(InvalidateMessage);
  FERRO_MESSAGE(IdsReply);
  FERRO_MESSAGE(FindMessage);
  FERRO_MESSAGE(FindReply);
  FERRO_MESSAGE(ListNamespacesMessage);
  FERRO_MESSAGE(ListNamespacesReply);
  FERRO_MESSAGE(TopEntriesMessage);
  FERRO_MESSAGE(TopEntriesReply);
  FERRO_MESSAGE(CountEntriesMessage);
  FERRO_MESSAGE(ApplyMessage);
  FERRO_MESSAGE(ApplyReply);
  FERRO_MESSAGE(DigestsMessage);
  FERRO_MESSAGE(DigestsReply);
  FERRO_MESSAGE(VersionsMessage);
  FERRO_MESSAGE(VersionsReply);
  FERRO_MESSAGE(FetchMessage);
  FERRO_MESSAGE(FetchReply);
  FERRO_MESSAGE(AccessesMessage);
#undef FERRO_MESSAGE
}

}  // namespace ferro::node::cluster
