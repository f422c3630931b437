#include "node/cluster/core/cluster_node_impl.h"

#include <algorithm>
#include <functional>
#include <future>
#include <utility>

#include "common/obs/log.h"
#include "node/cluster/core/member_keys.h"
#include "node/cluster/core/part_options.h"
#include "node/cluster/peers/greeting.h"

namespace ferro::node::cluster {

namespace {

// Hints, hand-overs and the picture that operators see move at this pace.
constexpr int64_t kTickMs = 100;
constexpr uint64_t kStatusEveryTicks = 5;
// How exactly a node knows, after a restart, when it was last alive: far below any tombstone's retention.
constexpr int64_t kRememberEveryMs = 10'000;
constexpr uint64_t kPlaces = 1024;  // told apart within a millisecond
bool refuses_writes(const Member& member) {
  return !member.value(kRefusesWritesKey).empty();
}

// Others answer where they can.
bool stands_back(const Member& member) {
  return refuses_writes(member) || !member.value(kStoppingKey).empty();
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
      accesses_(context_),
      desk_(context_, owner_, accesses_),
      read_repair_(context_),
      router_(context_, desk_, owner_, read_repair_, accesses_),
      gossiper_(context_, membership_, context_.clocks, [this] { observe(); }),
      splitter_({context_.options.self, context_.options.split_entries, context_.options.split_bytes},
                engine.store()),
      stored_(std::move(stored)) {
  context_.looking = true;
  const auto nowhere = no_routes(context_.options.self);
  context_.routes.set(nowhere, nowhere);
  context_.peers = Peers::create(peers_options(context_.options, stored_.generation), loop, network, *this);
  syncer_ = std::make_unique<Syncer>(sync_options(context_.options, stored_), engine, loop, *context_.peers,
                                     sync_events());
  departure_ =
      std::make_unique<Departure>(context_, membership_, ring_, replicator_, *syncer_, [this] { observe(); });
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
    context_.routes.watch(context_.loop.clock(), stall_ms_of(context_.options.request_timeout_ms));
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
  accesses_.tell();
  // What was given up as a hint the comparison of copies must find, and soon.
  if (const uint64_t dropped = context_.figures.hints_dropped; dropped != hints_dropped_) {
    hints_dropped_ = dropped;
    syncer_->hurry();
  }
  judge_fitness();
  ring_.want_splits(splitter_.step(*ring_.current()));
  observe();
  if (++ticks_ % kStatusEveryTicks == 0) publish_status();
  if (now_ms() - remembered_at_ms_ >= kRememberEveryMs) remember();
}

// Why it must not answer for its partitions, whatever copies it has.
std::string ClusterNodeImpl::misfit() const {
  if (std::string clock = context_.clocks.reason(); !clock.empty()) return clock;
  if (std::string taken = context_.peers->id_taken(); !taken.empty()) return taken;
  if (!membership_.contested()) return {};
  const std::string_view rival = membership_.rival_value(kGossipAddressKey);
  return one_id_each(context_.options.self) + " (this one is at " + to_string(context_.options.advertised) +
         (rival.empty() ? "" : ", the other one at " + std::string(rival)) + ")";
}

void ClusterNodeImpl::judge_fitness() {
  std::set<NodeId> live;
  for (const Member& member : membership_.members()) {
    if (member.id != context_.options.self && is_live(member)) live.insert(member.id);
  }
  ClockWatch& clocks = context_.clocks;
  clocks.judge(live, context_.engine.figures().newest_stamp_ms);
  std::string now = misfit();
  ring_.set_unfit(now);
  if (now.empty() != misfit_.empty()) {
    if (now.empty()) {
      obs::info("this node is fit to answer again: it compares its copies and is ready then");
    } else {
      obs::error("this node steps back", {{"reason", now}});
    }
  }
  misfit_ = std::move(now);
}

void ClusterNodeImpl::observe() {
  if (stopped_) return;
  const int64_t awake_ns = context_.loop.clock().steady_ns();
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
  context_.looking = !ring_.settled();
  publish_routes();
  context_.routes.awake(awake_ns);
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
    if (member == nullptr || stands_back(*member)) return false;
    if (node == context_.options.self) return ring_.complete();
    if (!is_live(*member)) return false;
    const auto state = state_of(*member);
    return state && state->complete;
  };
  std::string basis = print_fingerprint(ring_.current()->fingerprint()) + std::to_string(ring_.epoch());
  for (const auto& ring : ring_.write_rings()) basis += print_fingerprint(ring->fingerprint());
  for (const RingMember& member : ring_.current()->members()) basis += ready(member.id) ? '1' : '0';
  if (basis != routes_basis_) {
    routes_basis_ = std::move(basis);
    const auto but_self = [this, &ready](const NodeId& node) {
      return node != context_.options.self && ready(node);
    };
    const auto routes_with = [this](const auto& is_ready) {
      return std::make_shared<const Routes>(context_.options.self, ring_.current(), ring_.write_rings(),
                                            ring_.epoch(), is_ready);
    };
    context_.routes.set(routes_with(ready), routes_with(but_self));
    publish_status();
  }
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
  if (stopped_) return;
  if (type == MessageType::gossip_ack2) gossiper_.take_ack2(body);
  if (type == MessageType::accesses) accesses_.take(body);
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
  // And two processes with one id, started at the same time, must not look like one life.
  const auto started = static_cast<uint64_t>(std::max<int64_t>(0, loop.clock().wall_ms()));
  const uint64_t place = std::hash<std::string>()(to_string(options.advertised)) % kPlaces;
  stored.generation = std::max(stored.generation + 1, started * kPlaces + place);
  FERRO_RETURN_IF_ERROR(save_stored_state(fs, options.data_folder, stored));
  return std::unique_ptr<ClusterNode>(
      std::make_unique<ClusterNodeImpl>(std::move(options), std::move(stored), engine, loop, network, fs));
}

}  // namespace ferro::node::cluster
