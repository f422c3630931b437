// How a node goes: drained and back, or stopped. Part of ClusterNodeImpl.
#include <utility>

#include "common/obs/log.h"
#include "node/cluster/core/cluster_node_impl.h"
#include "node/cluster/core/member_keys.h"

namespace ferro::node::cluster {

namespace {

constexpr int64_t kLeavePollMs = 20;
// For the others to hear the goodbye before this node falls silent.
constexpr int64_t kGoodbyeMs = 100;

}  // namespace

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

// Routes and gossip say at once that others are to answer.
void ClusterNodeImpl::step_aside() {
  if (std::exchange(stepped_aside_, true)) return;
  membership_.set(kStoppingKey, "yes");
  observe();
  gossiper_.with_all();
}

void ClusterNodeImpl::hand_off(int64_t timeout_ms, std::function<void()> done) {
  context_.loop.post([this, timeout_ms, done = std::move(done)]() mutable {
    step_aside();
    departure_->begin(now_ms(), timeout_ms, false);
    poll_departure(std::move(done));
  });
}

void ClusterNodeImpl::leave(int64_t timeout_ms, std::function<void()> done) {
  context_.loop.post([this, timeout_ms, done = std::move(done)]() mutable {
    step_aside();
    replicator_.close();
    departure_->begin(now_ms(), timeout_ms, true);
    poll_departure([this, done = std::move(done)]() mutable { say_goodbye(std::move(done)); });
  });
}

void ClusterNodeImpl::poll_departure(std::function<void()> over) {
  if (stopped_ || departure_->poll(now_ms())) {
    publish_status();
    return over();
  }
  context_.loop.after(kLeavePollMs,
                      [this, over = std::move(over)]() mutable { poll_departure(std::move(over)); });
}

void ClusterNodeImpl::say_goodbye(std::function<void()> done) {
  const Departure::Progress& departure = departure_->progress();
  if (departure.complete) {
    obs::info("the cluster is left: other live members hold whatever this node holds");
  } else {
    obs::warn(
        "the cluster is left, and not everything that this node holds is known to be with others: start "
        "it again with the same data folder",
        {{"reason", departure.left}});
  }
  leaving_ = true;
  remember();
  membership_.leave();
  gossiper_.with_all();
  publish_status();
  context_.loop.after(kGoodbyeMs, std::move(done));
}

}  // namespace ferro::node::cluster
