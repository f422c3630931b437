#include "node/cluster/sync/syncer.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "node/cluster/ring/member_values.h"
#include "node/cluster/ring/ring_keeper.h"
#include "node/cluster/sync/catch_up.h"
#include "node/cluster/sync/hand_over.h"
#include "node/cluster/sync/parting.h"
#include "node/cluster/sync/repair.h"
#include "node/cluster/sync/sync_server.h"

namespace ferro::node::cluster {
namespace {

constexpr int64_t kTickMs = 100;

}  // namespace

SyncView view_of(const RingKeeper& ring, const std::vector<Member>& members, const NodeId& self) {
  SyncView view;
  view.current = ring.current();
  view.target = ring.target();
  for (const auto& known : ring.write_rings()) view.splits.push_back(known->splits());
  view.agreed = ring.target_agreed();
  view.changing = ring.changing();
  view.in_sync = ring.in_sync();
  view.complete = ring.whole();
  view.connected = ring.connected();
  view.in_current = ring.current()->partitions_of(self).any();
  for (const Member& member : members) {
    if (member.id == self || !is_live(member)) continue;
    view.live.insert(member.id);
    const auto state = state_of(member);
    if (state && state->complete) view.complete_peers.insert(member.id);
  }
  return view;
}

Syncer::Syncer(SyncOptions options, engine::Engine& engine, Loop& loop, Peers& peers, SyncEvents events)
    : options_(std::move(options)),
      engine_(engine),
      loop_(loop),
      events_(std::move(events)),
      transfer_(engine, loop, peers, options_.call_timeout_ms),
      last_alive_ms_(options_.last_alive_ms) {
  server_ =
      std::make_unique<SyncServer>(engine, loop, [this](const NodeId& peer, uint16_t partition, bool same) {
        repair_->note_asked(peer, partition, same);
      });
  repair_ = std::make_unique<Repair>(
      transfer_, RepairOptions{options_.self, options_.repair_interval_ms, options_.repair_bytes_per_second});
  hand_over_ = std::make_unique<HandOver>(transfer_, options_.self, [this](uint64_t ring) {
    transfer_.post([this, ring] { events_.handed_over(ring); });
  });
  parting_ = std::make_unique<Parting>(transfer_, options_.self);
  timer_ = loop_.after(kTickMs, [this] { tick(); });
}

Syncer::~Syncer() {
  stop();
}

void Syncer::stop() {
  loop_.cancel(timer_);
  server_->stop();
  transfer_.stop();
}

void Syncer::set_view(SyncView view) {
  view_ = std::move(view);
  if (view_.connected) last_alive_ms_ = std::max(last_alive_ms_, loop_.clock().wall_ms());
  std::vector<Splits> splits = {view_.current->splits(), view_.target->splits()};
  splits.insert(splits.end(), view_.splits.begin(), view_.splits.end());
  server_->set_standing({view_.complete, doubtful_upto_ms(), std::move(splits)});
  repair_->set_view(view_);
  hand_over_->set_view(view_, away_since_ms());
  parting_->set_view(view_, away_since_ms());
  follow();
}

void Syncer::follow() {
  const bool wanted = view_.agreed && (!view_.in_sync || (view_.in_current && !view_.complete));
  if (catch_up_ != nullptr && (!wanted || !catch_up_->serves(view_))) catch_up_.reset();
  if (!wanted || hand_over_->removing()) return;
  if (catch_up_ != nullptr) return catch_up_->set_view(view_);
  const uint64_t current = view_.current->fingerprint();
  const uint64_t target = view_.target->fingerprint();
  catch_up_ =
      std::make_unique<CatchUp>(transfer_, options_.self, view_, away_since_ms(), [this, current, target] {
        // Not destroyed from within: the next view does that.
        transfer_.post([this, current, target] { events_.caught_up(current, target); });
      });
}

void Syncer::tick() {
  const int64_t now_ms = transfer_.now_ms();
  if (catch_up_ == nullptr) follow();
  repair_->tick(now_ms);
  hand_over_->tick(now_ms);
  timer_ = loop_.after(kTickMs, [this] { tick(); });
}

bool Syncer::on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                        const RespondFn& respond) {
  return server_->on_request(from, type, body, version, respond);
}

void Syncer::hurry() {
  repair_->hurry();
}

void Syncer::start_parting() {
  parting_->start(view_, away_since_ms());
}

void Syncer::tell_handed_over_again() {
  hand_over_->tell_again();
}

bool Syncer::in_step(uint16_t partition) const {
  return repair_->in_step(partition);
}

model::PartitionSet Syncer::uncompared() const {
  return repair_->uncompared();
}

// Clocks of nodes differ, and "alive" is noted now and then: what may have been missed counts from earlier.
int64_t Syncer::away_since_ms() const {
  if (view_.complete || last_alive_ms_ == 0) return 0;
  const int64_t retention_ms = engine_.options().tombstone_retention_ms;
  return std::max<int64_t>(1, last_alive_ms_ - std::min(limits::kClockSkewMaxMs, retention_ms / 10));
}

int64_t Syncer::doubtful_upto_ms() const {
  const int64_t away_since = away_since_ms();
  if (away_since == 0) return 0;
  const int64_t given_up_upto_ms = loop_.clock().wall_ms() - engine_.options().tombstone_retention_ms;
  return away_since < given_up_upto_ms ? given_up_upto_ms : 0;
}

SyncFigures Syncer::figures() const {
  SyncFigures figures;
  if (catch_up_ != nullptr) {
    figures.catch_up = {true, catch_up_->partitions_done(), catch_up_->partitions_total(),
                        catch_up_->trouble()};
  }
  const uint64_t left = hand_over_->partitions_left();
  const uint64_t total = std::max<uint64_t>(hand_over_->partitions_total(), left);
  figures.hand_over = {hand_over_->busy(), total - left, total, hand_over_->trouble()};
  figures.fetched = transfer_.fetched();
  figures.pushed = transfer_.pushed();
  figures.entries_removed = hand_over_->entries_removed();
  figures.repair_rounds = repair_->rounds();
  return figures;
}

}  // namespace ferro::node::cluster
