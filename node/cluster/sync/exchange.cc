#include "node/cluster/sync/exchange.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "common/base/assert.h"
#include "node/model/partition.h"

namespace ferro::node::cluster {
namespace {

Unit unit_of(const DigestsReply::Item& item) {
  return {item.partition, item.only};
}

bool plausible(const DigestsReply& reply, const std::vector<Unit>& asked, const model::SplitTable& splits) {
  std::set<Unit> open(asked.begin(), asked.end());
  for (const DigestsReply::Item& item : reply.differing) {
    if (open.erase(unit_of(item)) == 0) return false;
    for (const NamespaceDigest& digest : item.namespaces) {
      const uint64_t hash = model::namespace_hash(digest.ns);
      if (splits.slots_in(hash, item.partition) == 0 || (item.only != 0 && item.only != hash)) return false;
    }
  }
  return true;
}

// The peer had no room to list it: it wants to be asked again.
bool put_off(const DigestsReply::Item& item) {
  return !item.complete && item.namespaces.empty();
}

}  // namespace

void Exchange::run(Transfer& transfer, ExchangeRequest request, Done done) {
  FERRO_ASSERT(request.units.size() <= kExchangeUnitsMax, "an exchange of too many partitions");
  const std::shared_ptr<Exchange> self(new Exchange(transfer, std::move(request), std::move(done)));
  transfer.post([self] { self->ask(); });
}

Exchange::Exchange(Transfer& transfer, ExchangeRequest request, Done done)
    : transfer_(transfer), request_(std::move(request)), done_(std::move(done)), asked_(request_.units) {
  for (const Unit& unit : request_.units) {
    index_.emplace(unit, outcomes_.size());
    outcomes_.push_back({unit, {}, {}});
  }
}

void Exchange::ask() {
  if (asked_.empty()) return done_(std::move(outcomes_));
  DigestsMessage message;
  message.splits = request_.splits->fingerprint();
  for (const Unit& unit : asked_) {
    const uint64_t digest = transfer_.engine().store().area_digest(area_of(unit, request_.splits));
    // A digest that cannot be the peer's has it list the unit in any case.
    message.items.push_back({unit.partition, request_.mode.tombstones ? ~digest : digest, unit.only});
  }
  transfer_.digests(request_.peer, message, [self = shared_from_this()](Result<DigestsReply> reply) {
    self->on_digests(std::move(reply));
  });
}

void Exchange::fail_asked(const Status& status) {
  for (const Unit& unit : asked_) outcomes_[index_.at(unit)].status = status;
  asked_.clear();
  ask();
}

void Exchange::on_digests(Result<DigestsReply> reply) {
  if (!reply.ok()) return fail_asked(reply.status());
  if (!plausible(*reply, asked_, *request_.splits)) {
    return fail_asked(Status::invalid("a peer listed what was not asked for"));
  }
  std::vector<Unit> again;
  std::vector<Unit> listed;
  for (const DigestsReply::Item& item : reply->differing) {
    (put_off(item) ? again : listed).push_back(unit_of(item));
  }
  if (again.size() == asked_.size()) return fail_asked(Status::invalid("a peer lists nothing at all"));
  std::erase_if(reply->differing, put_off);
  asked_ = std::move(again);
  if (request_.mode.away_since_ms != 0 && reply->collected_upto_ms > request_.mode.away_since_ms) {
    drop_upto_ms_ = std::max(drop_upto_ms_, reply->collected_upto_ms);
  }
  auto theirs = std::make_shared<DigestsReply>(std::move(*reply));
  transfer_.summaries(std::move(listed), request_.splits, kNamespacesOfPartitionMax,
                      [self = shared_from_this(), theirs](Result<Transfer::Summaries> mine) {
                        self->on_summaries(*theirs, *mine);
                      });
}

void Exchange::on_summaries(const DigestsReply& reply, const Transfer::Summaries& mine) {
  for (size_t i = 0; i < reply.differing.size(); ++i) {
    const DigestsReply::Item& item = reply.differing[i];
    const size_t outcome = index_.at(unit_of(item));
    if (!item.complete || mine[i].size() == kNamespacesOfPartitionMax) {
      outcomes_[outcome].status =
          Status(StatusCode::too_large, "the partition has too many namespaces to compare");
    }
    add_tasks(outcome, item.namespaces, mine[i]);
  }
  work();
}

void Exchange::add_tasks(size_t outcome, const std::vector<NamespaceDigest>& theirs,
                         const std::vector<store::NamespaceSummary>& mine) {
  std::unordered_map<model::NamespaceKey, const store::NamespaceSummary*, model::NamespaceKeyHash> here;
  for (const store::NamespaceSummary& summary : mine) here.emplace(summary.ns, &summary);
  const ExchangeMode& mode = request_.mode;
  const auto add = [&](const model::NamespaceKey& ns, uint64_t ids) {
    const uint16_t partition = outcomes_[outcome].unit.partition;
    tasks_.push_back({outcome, ns, ids, request_.splits->slots_in(model::namespace_hash(ns), partition)});
  };
  for (const NamespaceDigest& their : theirs) {
    const auto found = here.find(their.ns);
    const uint64_t ids_there = their.entries + their.tombstones;
    if (found == here.end()) {
      if (mode.pull == DiffRules::Pull::everything) add(their.ns, ids_there);
      continue;
    }
    const store::NamespaceSummary& my = *found->second;
    here.erase(found);
    const bool same = my.digest == their.digest && my.floors == their.floors &&
                      (!mode.tombstones || my.tombstones == their.tombstones);
    if (!same) add(their.ns, std::max(ids_there, my.entries + my.tombstones));
  }
  if (!mode.push) return;
  for (const store::NamespaceSummary& my : mine) {  // those that the peer does not have at all, in order
    if (here.contains(my.ns)) add(my.ns, my.entries + my.tombstones);
  }
}

void Exchange::work() {
  while (running_ < kNamespacesAtOnce && !tasks_.empty()) {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    if (const UnitOutcome& outcome = outcomes_[task.outcome];
        !outcome.status.ok() && outcome.status.code() != StatusCode::too_large) {
      continue;  // it has failed: the rest of it comes next time
    }
    ++running_;
    const DiffRules rules{request_.mode.pull, request_.mode.push, drop_upto_ms_};
    NamespaceExchange::run(
        transfer_, {request_.peer, std::move(task.ns), task.ids, rules, request_.budget, task.slots},
        [self = shared_from_this(), outcome = task.outcome](Result<NamespaceOutcome> result) {
          self->on_compared(outcome, std::move(result));
        });
  }
  if (running_ == 0 && tasks_.empty()) ask();  // for what was put off
}

void Exchange::on_compared(size_t outcome, Result<NamespaceOutcome> result) {
  --running_;
  if (result.ok()) {
    outcomes_[outcome].found += *result;
  } else {
    outcomes_[outcome].status = result.status();
  }
  work();
}

}  // namespace ferro::node::cluster
