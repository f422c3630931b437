// The three messages of an exchange. Whoever is asked compares what the other says it knows with what is
// known here: it asks for what is newer there and answers with what is newer here.
#include <algorithm>
#include <utility>

#include "node/cluster/membership/known.h"
#include "node/cluster/membership/message_size.h"

namespace ferro::node::cluster {

namespace {

constexpr size_t kBudget = kGossipBytesMax - kMessageBytesExtra;

}  // namespace

GossipSyn Membership::make_syn() const {
  GossipSyn syn;
  size_t budget = kBudget;
  const auto add = [&](size_t index) {
    const size_t size = kDigestBytesExtra + members_[index].id.size();
    if (size > budget) return false;
    budget -= size;
    syn.digests.push_back(known_[index]->replica.digest(members_[index].id, members_[index].heartbeat));
    return true;
  };
  add(self_);
  // If there is no room for all, every round begins somewhere else.
  const size_t count = members_.size();
  const size_t first = (members_[self_].heartbeat * 0x9E3779B97F4A7C15) % count;
  for (size_t i = 0; i < count && syn.complete; ++i) {
    const size_t index = (first + i) % count;
    if (index != self_) syn.complete = add(index);
  }
  return syn;
}

GossipAck Membership::on_syn(std::string_view from, const GossipSyn& syn) {
  GossipAck ack;
  std::vector<Answer> answers;
  std::vector<bool> mentioned(members_.size());
  for (const GossipDigest& digest : syn.digests) {
    if (const size_t index = index_of(digest.node); index != kNone) mentioned[index] = true;
    compare(digest, ack.digests, answers);
  }
  for (size_t i = 0; syn.complete && i < members_.size(); ++i) {
    if (!mentioned[i]) answers.push_back({i, nullptr});
  }
  const size_t sender = index_of(from);
  for (const GossipDigest& digest : syn.digests) {
    if (sender == kNone || digest.node != options_.self || digest.generation != generation()) continue;
    known_[sender]->knows_of_self = std::max(known_[sender]->knows_of_self, digest.max_version);
  }
  size_t budget = kBudget;
  // At most a quarter for questions, from wherever this exchange's turn begins.
  ++exchanges_;
  if (!ack.digests.empty()) {
    const size_t turn = exchanges_ % ack.digests.size();
    std::rotate(ack.digests.begin(), ack.digests.begin() + static_cast<ptrdiff_t>(turn), ack.digests.end());
  }
  size_t asked = 0;
  for (; asked < ack.digests.size(); ++asked) {
    const size_t size = kDigestBytesExtra + ack.digests[asked].node.size();
    if (kBudget - budget + size > kBudget / 4) break;
    budget -= size;
  }
  ack.digests.resize(asked);
  ack.deltas = compose(std::move(answers), budget);
  return ack;
}

GossipAck2 Membership::on_ack(const GossipAck& ack) {
  take(ack.deltas);
  GossipAck2 ack2;
  std::vector<GossipDigest> wanted;  // what is newer there is left for another round
  std::vector<Answer> answers;
  for (const GossipDigest& digest : ack.digests) compare(digest, wanted, answers);
  ++exchanges_;
  ack2.deltas = compose(std::move(answers), kBudget);
  return ack2;
}

void Membership::on_ack2(const GossipAck2& ack2) {
  take(ack2.deltas);
}

// `theirs` says what the other side knows of one node.
void Membership::compare(const GossipDigest& theirs, std::vector<GossipDigest>& wanted,
                         std::vector<Answer>& answers) {
  if (theirs.node == options_.self) claim_self(theirs.generation, theirs.max_version, theirs.heartbeat);
  const size_t index = index_of(theirs.node);
  if (index == kNone) {
    if (members_.size() >= kGossipMembersMax) return;
    if (is_forgotten(theirs.node, theirs.generation, theirs.heartbeat)) return;
    wanted.push_back({theirs.node, theirs.generation, 0, 0, 0});
    return;
  }
  Replica& replica = known_[index]->replica;
  if (theirs.generation < replica.generation()) {
    answers.push_back({index, nullptr});
  } else if (theirs.generation > replica.generation()) {
    wanted.push_back({theirs.node, theirs.generation, 0, 0, 0});
  } else {
    if (index != self_) {
      beat_seen(index, theirs.heartbeat);
      replica.note_collected(theirs.collected);
    }
    if (theirs.max_version > replica.max_version()) {
      wanted.push_back(replica.digest(theirs.node, members_[index].heartbeat));
    }
    const bool knows_nothing = theirs.max_version == 0 && theirs.heartbeat == 0;
    if (knows_nothing || theirs.max_version < replica.max_version() ||
        theirs.heartbeat < members_[index].heartbeat) {
      answers.push_back({index, &theirs});
    }
  }
}

// Somebody remembers this node with what it has not been yet: it lost its data folder, or runs on an old
// copy. Only a generation beyond that one makes the others listen again.
void Membership::claim_self(uint64_t generation, uint64_t version, uint64_t heartbeat) {
  Member& self = members_[self_];
  Replica& replica = known_[self_]->replica;
  const bool ahead =
      generation == self.generation && (version > replica.max_version() || heartbeat > self.heartbeat);
  if (!ahead && generation <= self.generation) return;
  if (generation == UINT64_MAX) return;
  note_claim();
  self.generation = generation + 1;
  replica.restart(self.generation);
  for (const auto& known : known_) known->knows_of_self = 0;
  ++changes_;
}

void Membership::take(const std::vector<GossipDelta>& deltas) {
  for (const GossipDelta& delta : deltas) take(delta);
}

void Membership::take(const GossipDelta& delta) {
  if (delta.node == options_.self) {
    if (delta.generation > generation()) {
      rival_values_.clear();
      for (const GossipValue& value : delta.values) rival_values_.emplace(value.key, value.value);
    }
    return claim_self(delta.generation, delta.upto, delta.heartbeat);
  }
  size_t index = index_of(delta.node);
  if (index == kNone) {
    if (!delta.reset || members_.size() >= kGossipMembersMax) return;
    if (is_forgotten(delta.node, delta.generation, delta.heartbeat)) return;
    add(delta);
    index = index_of(delta.node);
  } else if (delta.generation > members_[index].generation) {
    if (!delta.reset) return;
    begin_generation(index, delta);
  } else if (delta.generation < members_[index].generation) {
    return;
  }
  if (known_[index]->replica.apply(delta)) values_changed(index);
  beat_seen(index, delta.heartbeat);
}

// Heartbeats first, at most in one half: they are small, and a death must not be invented because somebody
// has much to say. Then values, from wherever this exchange's turn begins.
std::vector<GossipDelta> Membership::compose(std::vector<Answer> answers, size_t budget) {
  std::vector<GossipDelta> deltas;
  if (answers.empty()) return deltas;
  std::rotate(answers.begin(), answers.begin() + static_cast<ptrdiff_t>(exchanges_ % answers.size()),
              answers.end());
  const size_t for_values = budget / 2;
  for (const Answer& answer : answers) {
    const Member& member = members_[answer.index];
    const size_t size = kDeltaBytesExtra + member.id.size();
    if (budget < for_values + size) break;
    budget -= size;
    deltas.push_back(known_[answer.index]->replica.answer(member.id, member.heartbeat, answer.known));
  }
  for (size_t i = 0; i < deltas.size(); ++i) known_[answers[i].index]->replica.fill(deltas[i], budget);
  // To be told of a node, and nothing about it, helps nobody.
  for (size_t i = deltas.size(); i-- > 0;) {
    const uint64_t known_here = known_[answers[i].index]->replica.max_version();
    if (deltas[i].reset && deltas[i].upto == 0 && known_here > 0)
      deltas.erase(deltas.begin() + static_cast<ptrdiff_t>(i));
  }
  return deltas;
}

}  // namespace ferro::node::cluster
