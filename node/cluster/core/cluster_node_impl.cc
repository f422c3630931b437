#include "node/cluster/core/cluster_node_impl.h"

#include <algorithm>
#include <future>
#include <utility>

#include "common/obs/log.h"
#include "node/cluster/core/member_keys.h"
#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

namespace {

// Hints, hand-overs and the picture that operators see move at this pace.
constexpr int64_t kTickMs = 100;
constexpr uint64_t kStatusEveryTicks = 5;
// How exactly a node knows, after a restart, when it was last alive: far below any tombstone's retention.
constexpr int64_t kRememberEveryMs = 10'000;
constexpr int64_t kLeavePollMs = 20;
// For the others to hear the goodbye before this node falls silent.
constexpr int64_t kGoodbyeMs = 100;
// Gossiped by a node that cannot write, because its disk is full say, as long as that lasts.
constexpr std::string_view kRefusesWritesKey = "refuses_writes";

bool refuses_writes(const Member& member) {
  return !member.value(kRefusesWritesKey).empty();
}

PeersOptions peers_options(const ClusterOptions& options, uint64_t generation) {
  PeersOptions peers;
  peers.self = options.self;
  peers.cluster_id = options.cluster_id;
  peers.generation = generation;
  peers.software = options.software;
  peers.protocol_version = options.protocol_version;
  return peers;
}

MembershipOptions membership_options(const ClusterOptions& options, uint64_t generation) {
  MembershipOptions membership;
  membership.self = options.self;
  membership.generation = generation;
  membership.phi_threshold = options.phi_threshold;
  membership.gossip_interval_ms = options.gossip_interval_ms;
  membership.forget_after_ms = options.forget_after_ms;
  return membership;
}

RingOptions ring_options(const ClusterOptions& options, const engine::Engine& engine) {
  RingOptions ring;
  ring.self = options.self;
  ring.weight = options.weight;
  ring.factor = options.replication_factor;
  ring.re_replicate_after_ms = options.re_replicate_after_ms;
  ring.dead_removal = options.dead_node_removal_enabled;
  ring.seeds = !options.seeds.empty();
  ring.stall_ms = stall_ms_of(options.request_timeout_ms);
  ring.knows_splits = options.protocol_version >= kSplitsSince;
  ring.holds_entries = engine.store().namespace_count() > 0;
  return ring;
}

SyncOptions sync_options(const ClusterOptions& options, const StoredState& stored) {
  SyncOptions sync;
  sync.self = options.self;
  sync.repair_interval_ms = options.repair_interval_ms;
  sync.repair_bytes_per_second = options.repair_bytes_per_second;
  sync.last_alive_ms = stored.last_alive_ms;
  return sync;
}

std::shared_ptr<const Routes> no_routes(const NodeId& self) {
  const auto nobody = std::make_shared<const Placement>();
  return std::make_shared<const Routes>(self, nobody, std::vector<Routes::Ring>(), 0,
                                        [](const NodeId&) { return false; });
}

}  // namespace

ClusterNodeImpl::ClusterNodeImpl(ClusterOptions options, StoredState stored, engine::Engine& engine,
                                 Loop& loop, Network& network, io::FileSystem& fs)
    : context_{std::move(options),      engine, loop, network, nullptr, RouteHolder(nullptr), {},
               ClockWatch(loop.clock())},
      fs_(fs),
      membership_(membership_options(context_.options, stored.generation), loop.clock()),
      ring_(ring_options(context_.options, engine), stored.ring, now_ms()),
      replicator_(context_),
      owner_(engine, replicator_, loop, context_.routes),
      desk_(context_, owner_),
      read_repair_(context_),
      router_(context_, desk_, owner_, read_repair_),
      gossiper_(context_, membership_, context_.clocks, [this] { observe(); }),
      splitter_({context_.options.self, context_.options.split_entries, context_.options.split_bytes},
                engine.store()),
      stored_(std::move(stored)) {
  context_.routes.set(no_routes(context_.options.self));
  context_.peers = Peers::create(peers_options(context_.options, stored_.generation), loop, network, *this);
  syncer_ = std::make_unique<Syncer>(sync_options(context_.options, stored_), engine, loop, *context_.peers,
                                     sync_events());
  membership_.set(kGossipAddressKey, to_string(context_.options.advertised));
  membership_.set(kApiAddressKey, context_.options.api_address);
  membership_.set(kSoftwareKey, context_.options.software);
  engine.set_decision_sink(&replicator_);
  owner_.set_dimension_check(
      [this](const model::NamespaceKey& ns, size_t dimension, std::function<void(Status)> done) {
        router_.check_dimension(ns, dimension, std::move(done));
      });
}

SyncEvents ClusterNodeImpl::sync_events() {
  SyncEvents events;
  events.caught_up = [this](uint64_t current, uint64_t target) {
    ring_.caught_up(current, target);
    observe();
  };
  events.handed_over = [this](uint64_t ring) {
    ring_.handed_over(ring);
    observe();
  };
  return events;
}

void ClusterNodeImpl::start() {
  context_.loop.post([this] {
    context_.network.set_handler(*context_.peers);
    observe();
    arm_gossip();
    arm_tick();
  });
}

void ClusterNodeImpl::arm_gossip() {
  if (stopped_) return;
  // A little jitter, so that nodes that started together do not speak together for ever.
  const int64_t interval = context_.options.gossip_interval_ms;
  const auto jitter = static_cast<int64_t>(context_.loop.random() % static_cast<uint64_t>(interval / 5 + 1));
  context_.loop.after(interval - interval / 10 + jitter, [this] {
    if (!leaving_) gossiper_.round();
    arm_gossip();
  });
  if (membership_.members().size() == 1) gossiper_.round();
}

void ClusterNodeImpl::arm_tick() {
  if (stopped_) return;
  context_.loop.after(kTickMs, [this] {
    tick();
    arm_tick();
  });
}

void ClusterNodeImpl::tick() {
  // Who cannot write misses writes: meanwhile others are read from, and afterwards it compares first.
  const bool writes = context_.engine.readiness().ok();
  if (const Member* self = membership_.find(context_.options.self);
      self != nullptr && writes == refuses_writes(*self)) {
    if (writes) {
      ring_.fall_behind();
      membership_.erase(kRefusesWritesKey);
    } else {
      membership_.set(kRefusesWritesKey, "yes");
    }
    if (!leaving_) gossiper_.with_all();
  }
  replicator_.tick();
  // What was given up as a hint the comparison of copies must find, and soon.
  if (const uint64_t dropped = context_.figures.hints_dropped; dropped != hints_dropped_) {
    hints_dropped_ = dropped;
    syncer_->hurry();
  }
  judge_clock();
  ring_.want_splits(splitter_.step(*ring_.current()));
  observe();
  if (++ticks_ % kStatusEveryTicks == 0) publish_status();
  if (now_ms() - remembered_at_ms_ >= kRememberEveryMs) remember();
}

void ClusterNodeImpl::judge_clock() {
  std::set<NodeId> live;
  for (const Member& member : membership_.members()) {
    if (member.id != context_.options.self && is_live(member)) live.insert(member.id);
  }
  ClockWatch& clocks = context_.clocks;
  const std::string before = clocks.reason();
  clocks.judge(live, context_.engine.figures().newest_stamp_ms);
  ring_.set_unfit(clocks.reason());
  if (before.empty() == clocks.reason().empty()) return;
  if (before.empty()) {
    obs::error("this node steps back", {{"reason", clocks.reason()}});
  } else {
    obs::info("this node's clock agrees with the others' again: it compares its copies and is ready then");
  }
}

void ClusterNodeImpl::observe() {
  if (stopped_) return;
  const std::string ring_before = ring_.record_text();
  bool urgent = false;
  for (const OwnValue& value : ring_.update(membership_.members(), now_ms())) {
    urgent = true;
    if (value.value.empty()) {
      membership_.erase(value.key);
    } else {
      membership_.set(value.key, value.value);
    }
  }
  forget_departed();
  publish_routes();
  syncer_->set_view(view_of(ring_, membership_.members(), context_.options.self));
  if (ring_.record_text() != ring_before) {
    if (!ring_before.empty()) ++context_.figures.ring_changes;
    obs::info("the ring changed", {{"epoch", std::to_string(ring_.epoch())},
                                   {"members", std::to_string(ring_.record().members.size())}});
    remember();
  }
  if (std::exchange(was_full_, ring_.full()) != ring_.full() && ring_.full()) {
    obs::error("the ring is full: a node that wants to join is left out",
               {{"members", std::to_string(ring_.current()->members().size())},
                {"bytes_max", std::to_string(kGossipValueBytesMax)}});
  }
  // What others wait for must not wait for the next round.
  if (urgent && !leaving_) gossiper_.with_all();
}

// Nobody tells of them any more; and what waits for somebody who owns nothing, waits in vain.
void ClusterNodeImpl::forget_departed() {
  std::set<NodeId> known;
  for (const Member& member : membership_.members()) known.insert(member.id);
  for (const NodeId& node : known_) {
    if (!known.contains(node)) context_.peers->forget(node);
  }
  known_ = std::move(known);
  const auto routes = context_.routes.get();
  for (const NodeId& node : replicator_.hints().peers()) {
    if (!routes->is_writer(node)) replicator_.forget(node);
  }
}

void ClusterNodeImpl::publish_routes() {
  const auto ready = [this](const NodeId& node) {
    const Member* member = membership_.find(node);
    if (member == nullptr || refuses_writes(*member)) return false;
    if (node == context_.options.self) return ring_.complete() && !leaving_;
    if (!is_live(*member)) return false;
    const auto state = state_of(*member);
    return state && state->complete;
  };
  std::string basis = print_fingerprint(ring_.current()->fingerprint()) + std::to_string(ring_.epoch());
  for (const auto& ring : ring_.write_rings()) basis += print_fingerprint(ring->fingerprint());
  for (const RingMember& member : ring_.current()->members()) basis += ready(member.id) ? '1' : '0';
  if (basis == routes_basis_) return;
  routes_basis_ = std::move(basis);
  context_.routes.set(std::make_shared<const Routes>(context_.options.self, ring_.current(),
                                                     ring_.write_rings(), ring_.epoch(), ready));
  publish_status();
}

void ClusterNodeImpl::remember() {
  remembered_at_ms_ = now_ms();
  StoredState state = stored_;
  if (ring_.epoch() > 0) state.ring = ring_.record();
  state.last_alive_ms = syncer_->last_alive_ms();
  state.generation = membership_.generation();
  if (state != stored_) save(std::move(state));
}

// One at a time; of what is asked for meanwhile only the last counts.
void ClusterNodeImpl::save(StoredState state) {
  if (saving_) {
    save_next_ = std::move(state);
    return;
  }
  saving_ = true;
  context_.loop.offload([this, state = std::move(state)] {
    const Status saved = save_stored_state(fs_, context_.options.data_folder, state);
    if (!saved.ok()) obs::warn("the cluster's state could not be stored", {{"reason", saved.message()}});
    context_.loop.post([this, state, good = saved.ok()] {
      saving_ = false;
      if (good) stored_ = state;
      if (auto next = std::exchange(save_next_, std::nullopt)) save(*std::move(next));
    });
  });
}

void ClusterNodeImpl::on_request(const NodeId& from, MessageType type, std::string_view body,
                                 uint16_t version, int64_t decide_by_ns, RespondFn respond) {
  if (stopped_) return respond(Status::unavailable("the node is stopping"));
  if (type == MessageType::gossip_syn) return gossiper_.serve_syn(from, body, version, respond);
  if (syncer_->on_request(from, type, body, version, respond)) return;
  if (desk_.serve(type, body, version, decide_by_ns, respond)) return;
  obs::warn("a peer asked what this version does not know",
            {{"peer", from}, {"type", std::to_string(static_cast<int>(type))}});
  respond(Status::invalid("unknown message type"));
}

void ClusterNodeImpl::on_one_way(const NodeId& /*from*/, MessageType type, std::string_view body) {
  if (type == MessageType::gossip_ack2 && !stopped_) gossiper_.take_ack2(body);
}

void ClusterNodeImpl::on_peer_up(const NodeId& node) {
  membership_.note_contact(node);
  if (!leaving_) gossiper_.with(node);
}

void ClusterNodeImpl::on_peer_down(const NodeId& node) {
  obs::debug("the link to a peer is gone", {{"peer", node}});
}

void ClusterNodeImpl::set_credentials(Credentials credentials) {
  context_.loop.post([this, credentials = std::move(credentials)] {
    std::string trust;
    size_t told = 0;
    for (const std::string& one : credentials.trusted_fingerprints) {
      if (trust.size() + 1 + one.size() > kGossipValueBytesMax) break;
      trust += (trust.empty() ? "" : ",") + one;
      ++told;
    }
    if (told < credentials.trusted_fingerprints.size()) {
      obs::warn("not all trusted authorities are shown to other nodes: keep the bundle small",
                {{"trusted", std::to_string(credentials.trusted_fingerprints.size())},
                 {"shown", std::to_string(told)}});
    }
    const auto tell = [this](std::string_view key, const std::string& value) {
      const Member* self = membership_.find(context_.options.self);
      if (self == nullptr || self->value(key) == value) return;
      membership_.set(key, value);
    };
    tell(kCertificateKey, credentials.certificate_fingerprint);
    tell(kCertificateEndKey, std::to_string(credentials.certificate_not_after_unix));
    tell(kTrustKey, trust);
    tell(kTokenGenerationKey, std::to_string(credentials.token_generation));
  });
}

Status ClusterNodeImpl::readiness() const {
  std::lock_guard lock(status_mutex_);
  return readiness_;
}

void ClusterNodeImpl::set_draining(bool draining, std::function<void(Status)> done) {
  context_.loop.post([this, draining, done = std::move(done)] {
    Status status = ring_.set_draining(draining);
    if (status.ok()) {
      syncer_->tell_handed_over_again();
      observe();
    }
    publish_status();
    done(std::move(status));
  });
}

void ClusterNodeImpl::leave(int64_t timeout_ms, std::function<void()> done) {
  context_.loop.post([this, timeout_ms, done = std::move(done)]() mutable {
    const int64_t deadline_ms = now_ms() + timeout_ms;
    // Without copies elsewhere the entries have to be handed over first.
    if (context_.options.replication_factor == 1 && ring_.set_draining(true).ok()) observe();
    poll_leave(deadline_ms, std::move(done));
  });
}

void ClusterNodeImpl::poll_leave(int64_t deadline_ms, std::function<void()> done) {
  const bool handing_over = ring_.state() == NodeState::leaving;
  const bool waiting = handing_over || !replicator_.idle();
  if (waiting && now_ms() < deadline_ms && !stopped_) {
    context_.loop.after(kLeavePollMs, [this, deadline_ms, done = std::move(done)]() mutable {
      poll_leave(deadline_ms, std::move(done));
    });
    return;
  }
  leaving_ = true;
  remember();
  membership_.leave();
  gossiper_.with_all();
  context_.loop.after(kGoodbyeMs, std::move(done));
}

void ClusterNodeImpl::stop_on_loop() {
  if (std::exchange(stopped_, true)) return;
  syncer_->stop();
  context_.peers->stop();
}

void ClusterNodeImpl::stop() {
  std::promise<void> done;
  context_.loop.post([this, &done] {
    stop_on_loop();
    done.set_value();
  });
  done.get_future().wait();
}

Result<std::unique_ptr<ClusterNode>> ClusterNode::create(ClusterOptions options, engine::Engine& engine,
                                                         Loop& loop, Network& network, io::FileSystem& fs) {
  FERRO_ASSIGN_OR_RETURN(StoredState stored, load_stored_state(fs, options.data_folder));
  // Also after the loss of its disk a node's new life must be newer than the last one.
  const auto seconds = static_cast<uint64_t>(std::max<int64_t>(0, loop.clock().wall_ms() / 1000));
  stored.generation = std::max(stored.generation + 1, seconds);
  FERRO_RETURN_IF_ERROR(save_stored_state(fs, options.data_folder, stored));
  return std::unique_ptr<ClusterNode>(
      std::make_unique<ClusterNodeImpl>(std::move(options), std::move(stored), engine, loop, network, fs));
}

}  // namespace ferro::node::cluster
